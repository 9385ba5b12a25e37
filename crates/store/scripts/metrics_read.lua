-- Reads what is counted: all that is of no node with the first page, then that of some nodes a page.
-- keys: the prefix
-- arguments: node after which to begin ('' for the first page), most nodes
-- answer: node after which the next page begins ('' when there is none); then for each metric: name, number
-- uses: keys batch
local after, nodes_max = ARGV[1], tonumber(ARGV[2])

local answer = { '' }
if after == '' then
  local of_0_1_0 = {}
  local fields = redis.call('HGETALL', METRICS)
  for i = 1, #fields, 2 do
    if fields[i]:find('calls|', 1, true) == 1 then
      of_0_1_0[#of_0_1_0 + 1] = fields[i]
    else
      answer[#answer + 1] = fields[i]
      answer[#answer + 1] = fields[i + 1]
    end
  end
  -- They were of every node there ever was. Who reads the counters sees these begin anew.
  call_in_parts('HDEL', METRICS, of_0_1_0)
end
local from = after == '' and '-' or '(' .. after
local nodes = redis.call('ZRANGEBYLEX', CALLED_NODES, from, '+', 'LIMIT', 0, nodes_max)
for _, node in ipairs(nodes) do
  local fields = redis.call('HGETALL', node_calls_key(node))
  for i = 1, #fields, 2 do
    local name = fields[i] == 'late_calls' and 'late_calls' or 'calls|' .. fields[i]
    answer[#answer + 1] = name .. '|' .. node
    answer[#answer + 1] = fields[i + 1]
  end
end
if #nodes == nodes_max then answer[1] = nodes[#nodes] end
return answer
