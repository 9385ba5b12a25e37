-- A group's queue: its unfinished tasks in the order accepted. Only the first may run.

-- Puts a task where drains find it: at the end of the list named, or at its front.
local function make_ready(id, list, push)
  redis.call('HSET', task_key(id), 'where', list)
  redis.call(push or 'RPUSH', LISTS[list], id)
end

local ALONE_FROM = 2 -- workers lost in a row with a task before it is taken alone

-- Makes a task ready again that has begun; no pause holds it back. Once two workers in a row were lost
-- with it, it is taken alone, so that whatever kills them takes no other task along.
local function make_ready_again(id, lane, recoveries, push)
  local list = lane == 'rollback' and 'rollback' or 'begun'
  if (tonumber(recoveries) or 0) >= ALONE_FROM then list = 'alone' end
  make_ready(id, list, push)
end

-- Stores a new task and queues it behind its group's others; who calls counts it as waiting.
-- `dead_letter` names the dead letter that the task retries, `callback` the URL to call when it ends;
-- either may be nil. What a claim sets at first (lane, epoch, recoveries) is left out.
local function enqueue(id, group, operation, record, dead_letter, callback)
  local first = redis.call('RPUSH', group_queue_key(group), id) == 1
  redis.call('HSET', task_key(id), 'record', record, 'group', group, 'state', 'PENDING',
    'where', first and 'queue' or 'line', 'operation', operation, 'created_at', now_text,
    'updated_at', now_text)
  index_task(id, group, first)
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

-- Takes an ended task out of its group's queue and lets the next one go. Returns whether it was the
-- last.
local function leave_group_queue(id, group)
  local queue = group_queue_key(group)
  -- Most often it is alone there, and this is all.
  local popped = redis.call('LPOP', queue, 2) or {}
  if popped[2] then redis.call('LPUSH', queue, popped[2]) end
  if popped[1] ~= id then
    if popped[1] then redis.call('LPUSH', queue, popped[1]) end
    redis.call('LREM', queue, 1, id)
    return popped[1] == nil
  end
  local next_id = popped[2]
  while next_id and redis.call('EXISTS', task_key(next_id)) == 0 do
    redis.call('LPOP', queue)
    next_id = redis.call('LINDEX', queue, 0) or nil
  end
  if next_id then make_ready(next_id, 'queue') end
  return next_id == nil
end

-- Ends a task in `state`, which never changes again, with its last record ('' for the one it has), and
-- starts its time to live. `task` holds what is known of it: group, operation, created_at, and what it
-- may lack: record, callback (who is to be told of the end), notes (only of 0.1.0). It does not expire if
-- it `is_kept`: see kept.lua.
local function close(id, task, state, ttl_s, record, is_kept)
  local ttl_ms = math.max(1, ttl_s * 1000)
  if record == '' then record = task.record or redis.call('HGET', task_key(id), 'record') or '' end
  if task.notes then move_first_notes(id, task.notes) end
  if not is_kept then redis.call('PEXPIRE', notes_key(id), ttl_ms) end
  redis.call('DEL', task_key(id))
  write_ended(id, task.group, state, task.operation or '', task.created_at or '', record,
    not is_kept and ttl_ms or nil)
  if task.callback then begin_callback(id, task.callback, task.group, state, task.operation or '') end
  count('ended:' .. state, 1)
  index_end(task.group, leave_group_queue(id, task.group), ttl_ms)
end
