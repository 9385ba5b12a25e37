-- Storing what a worker learned. Fenced: with an old epoch, by another drain than the one that claimed
-- it, or on a task that is no longer running, nothing changes and the worker is told that its claim is
-- stale. An epoch alone would not do: a Redis that loses its last writes hands it out once more.

-- The task, if `drain` still holds it under that epoch: see close() for what is known of it, and whether
-- it is cancelled, which dead letter it retries, and whether the worker before was lost with it.
local function holds(id, epoch, drain)
  local key = task_key(id)
  local fields = redis.call('HMGET', key, 'epoch', 'where', 'group', 'cancel', 'letter',
    'created_at', 'callback', 'operation', 'notes', 'drain', 'spared', 'recoveries', 'lost')
  if fields[1] ~= epoch or fields[2] ~= 'running' or fields[10] ~= drain then
    count('stale', 1)
    return nil
  end
  if fields[11] then redis.call('HDEL', key, 'spared') end
  return { group = fields[3] or '', recoveries = fields[12], is_cancelled = fields[4], dead_letter = fields[5] or nil,
    created_at = fields[6] or nil, callback = fields[7] or nil, operation = fields[8] or nil,
    notes = fields[9] or nil, was_lost = fields[13] }
end

local function renew(id, epoch, drain, lease_ms)
  local task = holds(id, epoch, drain)
  if task then lease(id, lease_ms) end
  return task
end

local function finish(c, task, ttl_s)
  local outcome = cjson.decode(c.outcome)
  local holdings, dead_letters = outcome.holdings or {}, outcome.dead_letters or {}
  local ttl_ms = math.max(1, ttl_s * 1000)
  unlease(c.id)
  observe('task_ms', math.max(0, now - (tonumber(task.created_at) or now)))
  register(task.group, holdings)
  if task.dead_letter then
    adopt_first_dead_letters(task.group, ttl_ms)
    adopt(task.dead_letter, task.group, ttl_ms)
  end
  write_dead_letters(task.group, dead_letters, task.dead_letter, ttl_ms)
  if task.dead_letter then
    end_retry(task.dead_letter, c.id, c.state == 'SUCCESS' and holdings or {}, ttl_ms)
  elseif c.state == 'SUCCESS' then
    supersede_dead_letters(task.group, c.id, holdings, ttl_ms)
  end
  local is_kept = #dead_letters > 0 and task_of(dead_letters[1].id) == c.id
  close(c.id, task, c.state, ttl_s, c.record, is_kept)
end

local NEWER_MS = 60000 -- after a record was to be met again it counts as left alone for so long

-- Notes that a task's record is of a later version than the worker's, which leaves it alone until `due_ms`.
-- When a worker that can read it has come along, or none is there at all, this lapses by itself.
local function note_newer(id, due_ms)
  redis.call('ZREMRANGEBYSCORE', NEWER, '-inf', now)
  redis.call('ZADD', NEWER, due_ms + NEWER_MS, id)
end

-- One commit. `kind`: 'journal' keeps the task, 'delay' lets it wait until `due_ms`, 'await' the same and
-- for calls that were given up on, 'release' hands it back, 'leave' lets it wait as it stands, 'finish' ends
-- it in `state` with `outcome` (JSON). `progressed` is '1' when a node has come further since the claim: then
-- lost workers are counted anew. An empty record leaves the stored one as it is. Returns 'stale', 'cancel' or
-- 'ok'.
local function commit(c, drain, lease_ms, ttl_s)
  local task = holds(c.id, c.epoch, drain)
  if not task then return 'stale' end
  -- From now on the record says so. One that was not read does not: the next worker has to be told as well.
  if task.was_lost and c.kind ~= 'leave' then redis.call('HDEL', task_key(c.id), 'lost') end
  if task.recoveries and c.progressed == '1' then
    redis.call('HDEL', task_key(c.id), 'recoveries')
    task.recoveries = nil
  end
  if c.kind == 'finish' and task.is_cancelled and c.state == 'SUCCESS' and not task.dead_letter then
    -- The last call was under way as a client was told that the task rolls back. So it does: it is taken
    -- up anew from what is stored, as if its worker had been lost.
    unlease(c.id)
    make_ready_again(c.id, 'queue', task.recoveries, 'LPUSH')
    return 'cancel'
  end
  if c.kind == 'finish' then
    finish(c, task, ttl_s)
    return 'ok'
  end
  if c.kind == 'leave' then
    unlease(c.id)
    redis.call('HSET', task_key(c.id), 'where', 'delayed')
    redis.call('ZADD', DELAYED, c.due_ms, c.id)
    note_newer(c.id, c.due_ms)
    return 'ok'
  end
  local is_delayed = c.kind == 'delay' or c.kind == 'await'
  local where = is_delayed and 'delayed' or 'running'
  write_task(c.id, c.record, 'state', c.state, 'lane', c.queue, 'where', where, 'updated_at',
    now_text)
  if c.kind == 'journal' then
    lease(c.id, lease_ms)
  else
    unlease(c.id)
    if is_delayed then
      redis.call('ZADD', DELAYED, c.due_ms, c.id)
      if c.kind == 'await' then
        redis.call('HSET', task_key(c.id), 'awaiting', '1')
        redis.call('SADD', AWAITING, c.id)
      end
    else
      make_ready_again(c.id, c.queue, task.recoveries, 'LPUSH')
    end
  end
  return task.is_cancelled and 'cancel' or 'ok'
end
