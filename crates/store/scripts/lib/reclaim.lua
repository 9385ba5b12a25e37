-- Expired leases: their worker is lost, so the tasks go back to the front of their list. The epoch
-- rises at once, which fences that worker out should it wake up.
local RECLAIM_MAX = 128

-- A lease that ended while no drain took a turn may have ended because the clock was put forward, and its
-- drain may be well. It is given half a lease, once: by then a drain that lives has renewed it, and one
-- that does not no longer relies on it.
local function is_spared(id, ended_at, lease_ms, spared)
  if spared or ended_at > gap_ended_at then return false end
  redis.call('HSET', task_key(id), 'spared', 1)
  redis.call('ZADD', LEASES, now + math.floor(lease_ms / 2), id)
  return true
end

local function reclaim(lease_ms)
  local ended = redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'WITHSCORES', 'LIMIT', 0, RECLAIM_MAX)
  for i = 1, #ended, 2 do
    local id, key = ended[i], task_key(ended[i])
    local fields = redis.call('HMGET', key, 'where', 'lane', 'recoveries', 'spared')
    if fields[1] ~= 'running' then
      redis.call('ZREM', LEASES, id)
    elseif not is_spared(id, tonumber(ended[i + 1]), lease_ms, fields[4]) then
      redis.call('ZREM', LEASES, id)
      redis.call('HINCRBY', key, 'epoch', 1)
      local recoveries = redis.call('HINCRBY', key, 'recoveries', 1)
      redis.call('HSET', key, 'lost', '1')
      redis.call('HDEL', key, 'spared')
      add(COUNTS, 'recovered', 1)
      make_ready_again(id, fields[2], recoveries, 'LPUSH')
    end
  end
end
