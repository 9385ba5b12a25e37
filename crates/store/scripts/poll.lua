-- Reads one task, and rings when there is work that nobody looks after.
-- keys: the prefix
-- arguments: task id, channel
-- answer: nothing when the task is unknown, else record, state, created_at, updated_at,
--   finished_at, notes ('' for what is not set), and of its callback, if it has one: url, standing,
--   attempts, last error, due in ms
-- uses: keys clock wake callbacks
local id, channel = unpack(ARGV)

wake_if_neglected(channel)
local fields = redis.call('HMGET', task_key(id), 'record', 'state', 'created_at', 'updated_at',
  'finished_at', 'notes', 'callback')
if not fields[2] then return {} end
local url = fields[7]
fields[7] = nil
for i = 1, 6 do fields[i] = fields[i] or '' end
if url then
  local callback = callback_fields(id) or { id, url, 'not_due', 0, '', '' }
  for i = 2, 6 do fields[5 + i] = callback[i] end
end
return fields
