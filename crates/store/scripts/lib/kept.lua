-- Ended tasks that a dead letter names: they stay as long as it does, and so does the index of their
-- group. Every other ended task expires by itself.

-- The task for which a dead letter was written under this name.
local function task_of(name)
  return name:match('^(.*)%-[^-]*$') or name
end

-- Has a task that ended in a time of 0.1.0 stay. It may be in its hash still.
local function keep_task(name)
  local id = task_of(name)
  for _, key in ipairs({ ended_key(id), notes_key(id), task_key(id) }) do redis.call('PERSIST', key) end
end

-- Lets a task expire `ttl_ms` from now when no dead letter names it any more.
local function release_task(name, ttl_ms)
  local id = task_of(name)
  redis.call('HDEL', task_dead_letters_key(id), name)
  if redis.call('EXISTS', task_dead_letters_key(id)) == 1 then return end
  redis.call('PEXPIRE', ended_key(id), ttl_ms)
  redis.call('PEXPIRE', notes_key(id), ttl_ms)
  -- An ended task of 0.1.0.
  if redis.call('HGET', task_key(id), 'finished_at') then redis.call('PEXPIRE', task_key(id), ttl_ms) end
end

-- Lets the index of a group expire that has neither unfinished tasks nor dead letters.
local function release_group(group, ttl_ms)
  if redis.call('EXISTS', group_dead_letters_key(group), group_queue_key(group)) == 0 then
    redis.call('PEXPIRE', group_tasks_key(group), ttl_ms)
  end
end
