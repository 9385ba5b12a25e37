-- Lists the groups that some node holds as far as Muster knows, by name. A page reads a bounded number of
-- nodes, so it may be short and still have a next one.
-- keys: the prefix
-- arguments: name after which to begin ('' for the first page), most groups, most nodes (a group more is
--   read in any case), channel
-- answer: '1' when there are more, else '0'; then for each: name, nodes that hold it, nodes that do
--   not, nodes of which it is not known
-- uses: keys clock wake batch registry
local after, count, nodes_max, channel = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

wake_if_neglected(channel)
local from = after == '' and '-' or '(' .. after
local names = redis.call('ZRANGEBYLEX', GROUPS, from, '+', 'LIMIT', 0, count + 1)
local answer = { #names > count and '1' or '0' }
for i = 1, math.min(#names, count) do
  if nodes_max <= 0 then
    answer[1] = '1'
    break
  end
  local by_presence = { present = 0, absent = 0, unknown = 0 }
  local holdings = redis.call('HVALS', group_key(names[i]))
  nodes_max = nodes_max - #holdings
  for _, held in ipairs(holdings) do
    local name = held_name(held)
    by_presence[name] = (by_presence[name] or 0) + 1
  end
  answer[#answer + 1] = names[i]
  answer[#answer + 1] = by_presence.present
  answer[#answer + 1] = by_presence.absent
  answer[#answer + 1] = by_presence.unknown
end
return answer
