-- Callbacks: telling whoever asked for it that a task has ended. A callback waits until it is due,
-- is handed to one drain at a time, and is tried again until it was delivered or is given up; then
-- it is kept until a person acts.
local CALLBACK_BACKOFF = 4
local CALLBACK_DELAY_MAX_MS = 3600000
local CALLBACK_VALUES = 7 -- what is handed out for each

local function begin_callback(id, url, group, state, operation)
  redis.call('HSET', callback_key(id), 'url', url, 'group', group, 'state', state,
    'operation', operation, 'finished_at', now,
    'standing', 'waiting', 'attempts', 0, 'claim', 0)
  redis.call('ZADD', CALLBACKS, now, id)
end

-- Hands out callbacks that are due, each for `lease_ms`. Appends to `answer` for each: task id,
-- claim, url, group, state, operation, finished_at.
local function claim_callbacks(max, lease_ms, answer)
  if max == 0 then return end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', CALLBACKS, '-inf', now, 'LIMIT', 0, max)) do
    local key = callback_key(id)
    local fields = redis.call('HMGET', key, 'url', 'group', 'state', 'operation', 'finished_at')
    if fields[1] then
      redis.call('ZADD', CALLBACKS, now + lease_ms, id)
      answer[#answer + 1] = id
      answer[#answer + 1] = redis.call('HINCRBY', key, 'claim', 1)
      for i = 1, 5 do answer[#answer + 1] = fields[i] or '' end
    else
      redis.call('ZREM', CALLBACKS, id)
    end
  end
end

-- Takes in what came of a callback: `reason` is why it failed, '' when it was delivered. Of no
-- effect when somebody else has it by now.
local function conclude_callback(id, claim, reason, retry_delay_ms, attempts_max, ttl_s)
  local key = callback_key(id)
  local fields = redis.call('HMGET', key, 'claim', 'standing')
  if fields[1] ~= claim or fields[2] ~= 'waiting' then return end
  local attempts = redis.call('HINCRBY', key, 'attempts', 1)
  if reason == '' then
    redis.call('HSET', key, 'standing', 'delivered')
    redis.call('HDEL', key, 'last_error')
    redis.call('EXPIRE', key, ttl_s)
    redis.call('ZREM', CALLBACKS, id)
    return
  end
  redis.call('HSET', key, 'last_error', reason)
  if attempts >= attempts_max then
    redis.call('HSET', key, 'standing', 'given_up')
    redis.call('ZREM', CALLBACKS, id)
    redis.call('ZADD', CALLBACKS_GIVEN_UP, now, id)
    return
  end
  local delay_ms = math.min(retry_delay_ms * CALLBACK_BACKOFF ^ (attempts - 1), CALLBACK_DELAY_MAX_MS)
  redis.call('ZADD', CALLBACKS, now + math.floor(delay_ms), id)
end

-- A callback as scripts answer it: its task's id, url, delivery status, attempts, last error ('' for none),
-- when it is tried again (ms, '' for never), group, state. nil when there is none.
local function callback_fields(id)
  local fields = redis.call('HMGET', callback_key(id), 'url', 'standing', 'attempts', 'last_error',
    'group', 'state')
  if not fields[1] then return nil end
  local due = fields[2] == 'waiting' and redis.call('ZSCORE', CALLBACKS, id) or ''
  return { id, fields[1], fields[2], fields[3], fields[4] or '', due, fields[5], fields[6] }
end
