-- Expired leases: their worker is lost, so the tasks go back to the front of their list. The epoch
-- rises at once, which fences that worker out should it wake up.
local RECLAIM_MAX = 128

local function reclaim()
  local ids = redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, RECLAIM_MAX)
  for _, id in ipairs(ids) do
    redis.call('ZREM', LEASES, id)
    local fields = redis.call('HMGET', task_key(id), 'where', 'lane')
    if fields[1] == 'running' then
      redis.call('HINCRBY', task_key(id), 'epoch', 1)
      redis.call('HINCRBY', task_key(id), 'recoveries', 1)
      redis.call('HSET', task_key(id), 'lost', '1')
      redis.call('HINCRBY', COUNTS, 'recovered', 1)
      make_ready(id, fields[2] == 'rollback' and 'rollback' or 'queue', 'LPUSH')
    end
  end
end
