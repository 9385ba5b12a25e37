-- Accepts a task: stores it, queues it behind its group's others, and rings the doorbell.
-- Idempotent: a task id that is known already is accepted as it stands.
-- keys: the prefix
-- arguments: task id, group id, record, most tasks waiting, channel
-- answer: 'ACCEPTED' | 'FULL', tasks waiting
-- uses: keys clock doorbell line
local id, group, record, waiting_max, channel = unpack(ARGV)

local waiting = tonumber(redis.call('HGET', COUNTS, 'waiting') or '0')
if redis.call('EXISTS', task_key(id)) == 1 then return { 'ACCEPTED', waiting } end
if waiting >= tonumber(waiting_max) then
  ring(channel)
  return { 'FULL', waiting }
end
enqueue(id, group, record, nil)
ring(channel)
return { 'ACCEPTED', waiting + 1 }
