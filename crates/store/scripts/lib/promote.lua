-- Due retries become ready.
local PROMOTE_MAX = 128

local function promote()
  local ids = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, PROMOTE_MAX)
  for _, id in ipairs(ids) do
    redis.call('ZREM', DELAYED, id)
    local fields = redis.call('HMGET', task_key(id), 'where', 'lane', 'recoveries')
    if fields[1] == 'delayed' then make_ready_again(id, fields[2], fields[3]) end
  end
end
