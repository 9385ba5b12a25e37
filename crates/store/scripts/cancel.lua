-- Cancels a task: one that has not started ends at once, a running one is told to roll back.
-- keys: the prefix
-- arguments: task id, channel, time to live of an ended task in seconds, who asks for it
-- answer: 'UNKNOWN' | 'ENDED', state | 'REVOKED', group | 'CANCELLING' | 'RETRYING'
-- uses: keys clock wake batch ended kept index callbacks notes group_queue
local id, channel, ttl_s, by = unpack(ARGV)

wake_if_neglected(channel)
local fields = redis.call('HMGET', task_key(id), 'where', 'started', 'lane', 'letter', 'state', 'group',
  'operation', 'created_at', 'record', 'callback', 'notes')
local where, started, queue, dead_letter, state = unpack(fields, 1, 5)
if not state or where == 'ended' then
  local ended = task_fields(id)
  return ended and { 'ENDED', ended[1] } or { 'UNKNOWN' }
end
if dead_letter and started then return { 'RETRYING' } end
note(id, 'cancel_requested', nil, by)
keep_time()
if not started then
  -- What stayed in the queue while that is paused would be in nobody's count. The latest are searched
  -- first, and all of `max_queue` at most.
  if where == 'queue' then redis.call('LREM', LISTS.queue, -1, id) end
  if dead_letter then redis.call('HDEL', dead_letter_key(dead_letter), 'retry_task_id') end
  count('waiting', -1)
  local task = { group = fields[6] or '', operation = fields[7] or nil, created_at = fields[8] or nil,
    record = fields[9] or nil, callback = fields[10] or nil, notes = fields[11] or nil }
  close(id, task, 'REVOKED', ttl_s, '')
  write_batch()
  wake(channel)
  return { 'REVOKED', task.group }
end
redis.call('HSET', task_key(id), 'cancel', now)
if where == 'delayed' and queue ~= 'rollback' then redis.call('ZADD', DELAYED, now, id) end
wake(channel)
return { 'CANCELLING' }
