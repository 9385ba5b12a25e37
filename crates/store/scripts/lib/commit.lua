-- Storing what a worker learned. Fenced: with an old epoch, or on a task that is no longer
-- running, nothing changes and the worker is told that its claim is stale.

local function holds(id, epoch)
  local fields = redis.call('HMGET', task_key(id), 'epoch', 'where', 'group', 'cancel')
  if fields[1] == epoch and fields[2] == 'running' then return fields[3], fields[4] end
  redis.call('HINCRBY', COUNTS, 'stale', 1)
  return nil
end

local function renew(id, epoch, lease_ms)
  local group = holds(id, epoch)
  if group then redis.call('ZADD', LEASES, now + lease_ms, id) end
  return group
end

-- What a group's nodes are known to hold; a group that is gone everywhere is forgotten.
local function register(group, holdings)
  local key = group_key(group)
  for node, held in pairs(holdings) do redis.call('HSET', key, node, held) end
  for _, held in ipairs(redis.call('HVALS', key)) do
    if held ~= 'absent' then
      redis.call('ZADD', GROUPS, 0, group)
      return
    end
  end
  redis.call('DEL', key)
  redis.call('ZREM', GROUPS, group)
end

local function finish(id, group, state, outcome, ttl_s)
  redis.call('ZREM', LEASES, id)
  local fields = redis.call('HMGET', task_key(id), 'letter', 'created_at')
  local letter = fields[1]
  observe('task_ms', now - (tonumber(fields[2]) or now))
  register(group, outcome.holdings or {})
  for _, written in ipairs(outcome.letters or {}) do
    write_letter(written.id, group, written.json)
  end
  if letter then
    if state == 'SUCCESS' then
      remove_letter(letter, group)
    else
      redis.call('HDEL', letter_key(letter), 'retry_task_id')
    end
  elseif state == 'SUCCESS' then
    supersede_letters(group, id)
  end
  close(id, group, state, ttl_s)
end

-- One commit. `kind`: 'journal' keeps the task, 'delay' puts it down until `due_ms`, 'release'
-- hands it back, 'finish' ends it in `state` with `outcome` (JSON). An empty record leaves the
-- stored one as it is. Returns 'stale', 'cancel' or 'ok'.
local function commit(c, lease_ms, ttl_s)
  local group, cancelled = holds(c.id, c.epoch)
  if not group then return 'stale' end
  local key = task_key(c.id)
  if c.record ~= '' then redis.call('HSET', key, 'record', c.record) end
  if c.kind == 'finish' then
    finish(c.id, group, c.state, cjson.decode(c.outcome), ttl_s)
    return 'ok'
  end
  redis.call('HSET', key, 'state', c.state, 'lane', c.lane, 'updated_at', now)
  if c.kind == 'journal' then
    redis.call('ZADD', LEASES, now + lease_ms, c.id)
  else
    redis.call('ZREM', LEASES, c.id)
    if c.kind == 'delay' then
      redis.call('HSET', key, 'where', 'delayed')
      redis.call('ZADD', DELAYED, c.due_ms, c.id)
    else
      make_ready(c.id, c.lane, 'LPUSH')
    end
  end
  return cancelled and 'cancel' or 'ok'
end
