-- Accepts a task: stores it, queues it behind its group's others, and wakes a drain if need be.
-- Idempotent: a task id that is known already is accepted as it stands, and so is a request that
-- repeats another's idempotency key.
-- keys: the prefix
-- arguments: task id, group id, operation, record, most tasks that may wait (the setting max_queue),
--   channel; idempotency key ('' for none), digest of the request, how long the key is kept in seconds;
--   whose requests are counted ('' for nobody's), most of them in a second; the URL to call when the
--   task ends ('' for none)
-- answer: 'ACCEPTED' | 'FULL', tasks waiting | 'REPEATED', id of the first task |
--   'KEY_REUSED' | 'TOO_FAST'
-- uses: keys clock wake batch ended kept index callbacks notes group_queue
local id, group, operation, record, max_queue, channel, key, digest, key_ttl_s, caller, rate_max,
  callback = unpack(ARGV)

-- Nothing is added, but whatever request comes may be the one that finds neglected work.
local function add_nothing(...)
  wake_if_neglected(channel)
  return { ... }
end

if key ~= '' then
  local first = redis.call('HMGET', idempotency_key(key), 'task', 'request')
  -- A key that outlives its task, since `task_ttl` was made shorter, stands for nothing any more. What
  -- 0.1.0 kept of a request (`digest`) cannot be compared.
  if first[1] and is_known(first[1]) then
    if first[2] and first[2] ~= digest then return add_nothing('KEY_REUSED') end
    return add_nothing('REPEATED', first[1])
  end
end
if is_known(id) then return add_nothing('ACCEPTED') end
if caller ~= '' then
  local second = rate_key(caller .. ':' .. math.floor(now / 1000))
  local requests = redis.call('INCR', second)
  if requests == 1 then redis.call('PEXPIRE', second, 2000) end
  if requests > tonumber(rate_max) then return add_nothing('TOO_FAST') end
end
-- It is counted in before there is known to be room: one command tells both.
local waiting = add(COUNTS, 'waiting', 1)
if waiting > tonumber(max_queue) then
  waiting = add(COUNTS, 'waiting', -1)
  return add_nothing('FULL', waiting)
end
if key ~= '' then
  redis.call('HSET', idempotency_key(key), 'request', digest, 'task', id)
  redis.call('EXPIRE', idempotency_key(key), key_ttl_s)
end
enqueue(id, group, operation, record, nil, callback ~= '' and callback or nil)
wake(channel)
return { 'ACCEPTED' }
