-- Reads what is known of one group, and wakes a drain when there is work that nobody looks after.
-- keys: the prefix
-- arguments: group id, channel, most tasks, most dead letters
-- answer: the number of nodes, for each: node, 'present' | 'absent' | 'unknown'; the number of
--   unfinished tasks in all, the number given, for each: id, state, operation, created_at; the number
--   of dead letters in all, then ids
-- uses: keys clock wake batch registry
local group, channel, tasks_max, dead_letters_max = unpack(ARGV)

wake_if_neglected(channel)
local holdings = redis.call('HGETALL', group_key(group))
local answer = { #holdings / 2 }
for i, value in ipairs(holdings) do answer[#answer + 1] = i % 2 == 0 and held_name(value) or value end

local ids = redis.call('LRANGE', group_queue_key(group), 0, tasks_max - 1)
answer[#answer + 1] = redis.call('LLEN', group_queue_key(group))
answer[#answer + 1] = #ids
for _, id in ipairs(ids) do
  local fields = redis.call('HMGET', task_key(id), 'state', 'operation', 'created_at')
  answer[#answer + 1] = id
  for i = 1, 3 do answer[#answer + 1] = fields[i] or '' end
end

-- What 0.1.0 left is in a set.
local first = first_dead_letters_key(group)
answer[#answer + 1] = redis.call('ZCARD', group_dead_letters_key(group)) + redis.call('SCARD', first)
local dead_letters = redis.call('ZRANGE', group_dead_letters_key(group), 0, dead_letters_max - 1)
local room = math.max(0, dead_letters_max - #dead_letters)
for _, id in ipairs(redis.call('SRANDMEMBER', first, room)) do dead_letters[#dead_letters + 1] = id end
for _, id in ipairs(dead_letters) do answer[#answer + 1] = id end
return answer
