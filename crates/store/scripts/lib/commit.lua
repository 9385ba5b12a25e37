-- Storing what a worker learned. Fenced: with an old epoch, or on a task that is no longer
-- running, nothing changes and the worker is told that its claim is stale.

local function holds(id, epoch)
  local fields = redis.call('HMGET', task_key(id), 'epoch', 'where', 'group', 'cancel', 'letter',
    'created_at', 'callback')
  if fields[1] == epoch and fields[2] == 'running' then return unpack(fields, 3, 7) end
  count('stale', 1)
  return nil
end

local function renew(id, epoch, lease_ms)
  local group = holds(id, epoch)
  if group then lease(id, lease_ms) end
  return group
end

-- What a group's nodes are known to hold; a group that is gone everywhere is forgotten.
local function register(group, holdings)
  local key = group_key(group)
  local fields = {}
  local is_held = false
  for node, held in pairs(holdings) do
    fields[#fields + 1] = node
    fields[#fields + 1] = held
    is_held = is_held or held ~= 'absent'
  end
  call_in_parts('HSET', key, fields)
  if not is_held then
    for _, held in ipairs(redis.call('HVALS', key)) do is_held = is_held or held ~= 'absent' end
  end
  if not is_held then redis.call('DEL', key) end
  list_group(group, is_held)
end

local function finish(c, group, dead_letter, created_at, callback, ttl_s)
  local outcome = cjson.decode(c.outcome)
  unlease(c.id)
  observe('task_ms', now - (tonumber(created_at) or now))
  register(group, outcome.holdings or {})
  for _, written in ipairs(outcome.dead_letters or {}) do
    write_dead_letter(written.id, group, written.json)
  end
  if dead_letter then
    if c.state == 'SUCCESS' then
      remove_dead_letter(dead_letter, group)
    else
      redis.call('HDEL', dead_letter_key(dead_letter), 'retry_task_id')
    end
  elseif c.state == 'SUCCESS' then
    supersede_dead_letters(group, c.id)
  end
  close(c.id, group, c.state, ttl_s, c.record, callback)
end

-- One commit. `kind`: 'journal' keeps the task, 'delay' puts it down until `due_ms`, 'release'
-- hands it back, 'finish' ends it in `state` with `outcome` (JSON). An empty record leaves the
-- stored one as it is. Returns 'stale', 'cancel' or 'ok'.
local function commit(c, lease_ms, ttl_s)
  local group, cancelled, dead_letter, created_at, callback = holds(c.id, c.epoch)
  if not group then return 'stale' end
  if c.kind == 'finish' then
    finish(c, group, dead_letter, created_at, callback, ttl_s)
    return 'ok'
  end
  local where = c.kind == 'delay' and 'delayed' or 'running'
  write_task(c.id, c.record, 'state', c.state, 'lane', c.queue, 'where', where, 'updated_at',
    now_text)
  if c.kind == 'journal' then
    lease(c.id, lease_ms)
  else
    unlease(c.id)
    if c.kind == 'delay' then
      redis.call('ZADD', DELAYED, c.due_ms, c.id)
    else
      make_ready(c.id, c.queue, 'LPUSH')
    end
  end
  return cancelled and 'cancel' or 'ok'
end
