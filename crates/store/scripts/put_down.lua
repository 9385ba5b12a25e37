-- Puts down the tasks of a drain that Redis refused something, and that therefore ends: nobody takes them
-- before their leases would have ended, because their last calls may be under way, and no lost worker is
-- counted. The first write is one that even a Redis that is full allows.
-- keys: the prefix
-- arguments: drain id; for each task: id, epoch
-- answer: how many were put down
-- uses: keys clock
local drain = ARGV[1]
local put_down = 0
for i = 2, #ARGV, 2 do
  local id, epoch = ARGV[i], ARGV[i + 1]
  local fields = redis.call('HMGET', task_key(id), 'epoch', 'where', 'drain')
  local ends_at = redis.call('ZSCORE', LEASES, id)
  if fields[1] == epoch and fields[2] == 'running' and fields[3] == drain and ends_at then
    redis.call('ZREM', LEASES, id)
    redis.call('HSET', task_key(id), 'where', 'delayed', 'lost', '1')
    redis.call('ZADD', DELAYED, ends_at, id)
    put_down = put_down + 1
  end
end
redis.call('ZREM', DRAINS, drain)
return { put_down }
