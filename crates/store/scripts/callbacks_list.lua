-- Lists callbacks: those that wait, the next due first, or those that were given up, oldest first.
-- Wakes a drain when there is work that nobody looks after.
-- keys: the prefix
-- arguments: cursor (score, member; '' and '' for the first page), most callbacks, 'waiting' or
--   'given_up', channel
-- answer: callbacks of that kind in all; cursor of the next page (score, member; '' and '' when there
--   is none); then for each: task id, url, delivery status, attempts, last error, due in ms, group, state
-- uses: keys clock wake callbacks page
local cursor_score, cursor_member, count, status, channel = unpack(ARGV)

wake_if_neglected(channel)
local key = status == 'waiting' and CALLBACKS or CALLBACKS_GIVEN_UP
local found = {}

local function visit(id)
  for _, value in ipairs(callback_fields(id) or {}) do found[#found + 1] = value end
end

local score, member = scan(key, false, cursor_score, cursor_member, tonumber(count), visit)
local answer = { redis.call('ZCARD', key), score, member }
for _, value in ipairs(found) do answer[#answer + 1] = value end
return answer
