-- Reads one task, and rings when there is work that nobody looks after.
-- keys: the prefix
-- arguments: task id, channel
-- answer: nothing when the task is unknown, else record, state, created_at, updated_at,
--   finished_at, notes ('' for what is not set)
-- uses: keys clock doorbell
local id, channel = unpack(ARGV)

ring_if_neglected(channel)
local fields = redis.call('HMGET', task_key(id), 'record', 'state', 'created_at', 'updated_at',
  'finished_at', 'notes')
if not fields[2] then return {} end
for i = 1, 6 do fields[i] = fields[i] or '' end
return fields
