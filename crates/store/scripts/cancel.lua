-- Cancels a task: one that has not started ends at once, a running one is told to roll back.
-- keys: the prefix
-- arguments: task id, channel, time to live of an ended task in seconds, who asks for it
-- answer: 'UNKNOWN' | 'ENDED', state | 'REVOKED' | 'CANCELLING' | 'RETRYING'
-- uses: keys clock wake batch index callbacks group_queue notes
local id, channel, ttl_s, by = unpack(ARGV)

local fields = redis.call('HMGET', task_key(id), 'where', 'group', 'state', 'started', 'lane',
  'letter', 'callback')
local where, group, state, started, queue, dead_letter, callback = unpack(fields, 1, 7)
if not state then return { 'UNKNOWN' } end
if where == 'ended' then return { 'ENDED', state } end
if dead_letter and started then return { 'RETRYING' } end
note(id, 'cancel asked for', nil, by)
if not started then
  -- Its id may stay in the queue: a claim passes over what is not there any more.
  if dead_letter then redis.call('HDEL', dead_letter_key(dead_letter), 'retry_task_id') end
  count('waiting', -1)
  close(id, group, 'REVOKED', ttl_s, nil, callback)
  write_batch()
  wake(channel)
  return { 'REVOKED' }
end
redis.call('HSET', task_key(id), 'cancel', now)
if where == 'delayed' and queue ~= 'rollback' then redis.call('ZADD', DELAYED, now, id) end
wake(channel)
return { 'CANCELLING' }
