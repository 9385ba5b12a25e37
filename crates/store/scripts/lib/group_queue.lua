-- A group's line: its unfinished tasks in the order accepted. Only the first may run.

-- Puts a task where drains find it: at the end of the list named, or at its front.
local function make_ready(id, list, push)
  redis.call('HSET', task_key(id), 'where', list)
  redis.call(push or 'RPUSH', LISTS[list], id)
end

-- Stores a new task and queues it behind its group's others; who calls counts it as waiting. `dead_letter`
-- names the dead letter that the task retries, `callback` the URL to call when it ends; either may
-- be nil. What a claim sets at first (lane, epoch, recoveries) is left out.
local function enqueue(id, group, operation, record, dead_letter, callback)
  local first = redis.call('RPUSH', group_queue_key(group), id) == 1
  redis.call('HSET', task_key(id), 'record', record, 'group', group, 'state', 'PENDING',
    'where', first and 'queue' or 'line', 'operation', operation, 'created_at', now_text,
    'updated_at', now_text)
  index_task(id, group)
  if dead_letter then redis.call('HSET', task_key(id), 'letter', dead_letter) end
  if callback then redis.call('HSET', task_key(id), 'callback', callback) end
  if first then redis.call('RPUSH', LISTS.queue, id) end
end

-- Writes fields of a task, and its record unless that is empty.
local function write_task(id, record, ...)
  if record and record ~= '' then
    redis.call('HSET', task_key(id), 'record', record, ...)
  else
    redis.call('HSET', task_key(id), ...)
  end
end

-- Takes an ended task out of its group's line and lets the next one go.
local function leave_group_queue(id, group)
  local line = group_queue_key(group)
  -- Most often it is alone there, and this is all.
  local popped = redis.call('LPOP', line, 2) or {}
  if popped[2] then redis.call('LPUSH', line, popped[2]) end
  if popped[1] ~= id then
    if popped[1] then redis.call('LPUSH', line, popped[1]) end
    redis.call('LREM', line, 1, id)
    return
  end
  local next_id = popped[2]
  while next_id and redis.call('EXISTS', task_key(next_id)) == 0 do
    redis.call('LPOP', line)
    next_id = redis.call('LINDEX', line, 0) or nil
  end
  if next_id then make_ready(next_id, 'queue') end
end

-- Marks a task as ended in `state`, which never changes again, with its last record (nil or '' for
-- the one it has), and starts its time to live. `callback` is who is to be told of it, if anybody.
local function close(id, group, state, ttl_s, record, callback)
  write_task(id, record, 'state', state, 'where', 'ended', 'finished_at', now_text,
    'updated_at', now_text)
  redis.call('EXPIRE', task_key(id), ttl_s)
  index_end(id, group, ttl_s)
  if callback then begin_callback(id, callback, group, state) end
  count('ended:' .. state, 1)
  leave_group_queue(id, group)
end
