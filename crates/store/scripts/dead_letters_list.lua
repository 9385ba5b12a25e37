-- Lists dead letters, oldest first, and wakes a drain when there is work that nobody looks after. A page
-- visits a bounded number of dead letters, so it may be short and still have a next one.
-- keys: the prefix
-- arguments: cursor (score, member; '' and '' for the first page), most dead letters, most to visit,
--   channel; then filters, each '' for any: group id, and three texts that the JSON holds
-- answer: dead letters in all; cursor of the next page (score, member; '' and '' when there is none); then
--   for each: id, JSON, superseded by ('' for nobody), retried by ('')
-- uses: keys clock wake dead_letters page
local cursor_score, cursor_member, count, scan_max, channel, group = unpack(ARGV)
count = tonumber(count)

wake_if_neglected(channel)
local dead_letters = {}

local function visit(id)
  local fields = dead_letter_fields(id)
  if not fields then return end
  if group ~= '' and redis.call('HGET', dead_letter_key(id), 'group') ~= group then return end
  for i = 7, #ARGV do
    if ARGV[i] ~= '' and not fields[2]:find(ARGV[i], 1, true) then return end
  end
  for _, value in ipairs(fields) do dead_letters[#dead_letters + 1] = value end
  count = count - 1
  return count > 0
end

local score, member = scan(DEAD_LETTERS, false, cursor_score, cursor_member, tonumber(scan_max), visit)
local answer = { redis.call('ZCARD', DEAD_LETTERS), score, member }
for _, value in ipairs(dead_letters) do answer[#answer + 1] = value end
return answer
