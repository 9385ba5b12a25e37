-- The indexes by which tasks are listed. Ended tasks expire by themselves; the indexes are cleared of
-- them a few at a time: a group's as its tasks end, and with it when nothing of it is left; the index of
-- all tasks with every turn of a drain. Nothing is forgotten before it is `task_ttl` old, so whatever is
-- younger need not be visited.
local FORGET_MAX = 128 -- entries of the index of all tasks that one turn visits
local FORGET_IN_GROUP_MAX = 16 -- entries of a group's index that the end of one of its tasks visits

local function index_task(id, group, is_first)
  redis.call('ZADD', TASKS, now_text, id)
  redis.call('ZADD', group_tasks_key(group), now_text, id)
  if is_first then redis.call('PERSIST', group_tasks_key(group)) end
end

-- Removes those of `ids` from an index whose tasks have expired. Returns how many stay.
local function forget(index, ids)
  local gone = {}
  for _, id in ipairs(ids) do
    if not is_known(id) then gone[#gone + 1] = id end
  end
  call_in_parts('ZREM', index, gone)
  return #ids - #gone
end

-- A task of the group has ended, and was its last if `is_last`.
local function index_end(group, is_last, ttl_ms)
  local index = group_tasks_key(group)
  local old = redis.call('ZCOUNT', index, '-inf', '(' .. now - ttl_ms)
  if old > 0 then
    -- Anywhere among them, for the oldest may be kept for long.
    local from = now % math.max(1, old - FORGET_IN_GROUP_MAX + 1)
    forget(index, redis.call('ZRANGE', index, from, math.min(from + FORGET_IN_GROUP_MAX, old) - 1))
  end
  if is_last then release_group(group, ttl_ms) end
end

-- Goes round the part of the index that may have expired, a few entries a turn.
local function forget_expired(ttl_ms)
  local old = redis.call('ZCOUNT', TASKS, '-inf', '(' .. now - ttl_ms)
  if old == 0 then return end
  local from = (tonumber(redis.call('GET', FORGET_FROM)) or 0) % old
  local ids = redis.call('ZRANGE', TASKS, from, math.min(from + FORGET_MAX, old) - 1)
  redis.call('SET', FORGET_FROM, from + forget(TASKS, ids))
end

-- Empties what 0.1.0 left: when its ended tasks were to leave the indexes.
local function forget_first()
  local members = redis.call('ZRANGEBYSCORE', EXPIRING, '-inf', now, 'LIMIT', 0, FORGET_MAX)
  for _, member in ipairs(members) do
    local id, group = member:match('^(%S+) (.*)$')
    redis.call('ZREM', EXPIRING, member)
    redis.call('ZREM', TASKS, id)
    redis.call('ZREM', group_tasks_key(group), id)
  end
end
