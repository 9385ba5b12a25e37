-- The indexes by which tasks are listed. Tasks expire by themselves; the indexes are cleared of them
-- a few at a time, with every turn of a drain.

local function index_task(id, group)
  redis.call('ZADD', TASKS, now_text, id)
  redis.call('ZADD', group_tasks_key(group), now_text, id)
end

local function index_end(id, group, ttl_s)
  expire_at(now + ttl_s * 1000, id .. ' ' .. group)
end

local function forget_expired(max)
  local members = redis.call('ZRANGEBYSCORE', EXPIRING, '-inf', now, 'LIMIT', 0, max)
  for _, member in ipairs(members) do
    local id, group = member:match('^(%S+) (.*)$')
    redis.call('ZREM', EXPIRING, member)
    redis.call('ZREM', TASKS, id)
    redis.call('ZREM', group_tasks_key(group), id)
  end
end
