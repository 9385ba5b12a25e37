-- Callbacks: telling whoever asked for it that a task has ended. A callback waits until it is due,
-- is handed to one drain at a time, and is tried again until it was delivered or is given up; then
-- it is kept until a person acts.
--
-- Each receiver (scheme, host and port of the URLs) has a queue of its own, so that one that is slow or
-- down holds up no other. One that fails again and again is left alone for a while, and then tried with
-- one callback at a time until it is well.
local CALLBACK_BACKOFF = 4
local CALLBACK_DELAY_MAX_MS = 3600000
local CALLBACK_VALUES = 8 -- what is handed out for each
local ADOPT_MAX = 128

local function receiver_of(url)
  return (url:match('^%a+://[^/?#]+') or url):lower()
end

-- Says when the receiver's next callback may be handed out. Of one that has none, nothing is kept.
local function schedule_receiver(receiver)
  local first = redis.call('ZRANGE', receiver_key(receiver), 0, 0, 'WITHSCORES')
  if not first[2] then
    redis.call('ZREM', RECEIVERS, receiver)
    redis.call('HDEL', RECEIVER_FAILURES, receiver)
    redis.call('HDEL', RECEIVERS_HELD, receiver)
    return
  end
  local held_until = tonumber(redis.call('HGET', RECEIVERS_HELD, receiver) or '0')
  redis.call('ZADD', RECEIVERS, math.max(tonumber(first[2]), held_until), receiver)
end

-- Lets a callback wait until it is due.
local function queue_callback(id, url, due_ms)
  local receiver = receiver_of(url)
  redis.call('ZADD', CALLBACKS, due_ms, id)
  redis.call('ZADD', receiver_key(receiver), due_ms, id)
  schedule_receiver(receiver)
end

-- It waits no longer.
local function unqueue_callback(id, url)
  local receiver = receiver_of(url)
  redis.call('ZREM', CALLBACKS, id)
  redis.call('ZREM', FIRST_CALLBACKS, id)
  redis.call('ZREM', receiver_key(receiver), id)
  schedule_receiver(receiver)
end

local function begin_callback(id, url, group, state, operation)
  redis.call('HSET', callback_key(id), 'url', url, 'group', group, 'state', state,
    'operation', operation, 'finished_at', now,
    'standing', 'waiting', 'attempts', 0, 'claim', 0)
  queue_callback(id, url, now)
end

-- Queues what 0.1.0 left behind, which knew no receivers.
local function adopt_first_callbacks()
  local found = redis.call('ZRANGE', FIRST_CALLBACKS, 0, ADOPT_MAX - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    redis.call('ZREM', FIRST_CALLBACKS, found[i])
    local url = redis.call('HGET', callback_key(found[i]), 'url')
    if url then queue_callback(found[i], url, found[i + 1]) end
  end
end

-- Hands out one callback. Whether there was one.
local function claim_callback(id, receiver, lease_ms, answer)
  local key = callback_key(id)
  local fields = redis.call('HMGET', key, 'url', 'group', 'state', 'operation', 'finished_at')
  if not fields[1] then
    redis.call('ZREM', CALLBACKS, id)
    redis.call('ZREM', receiver_key(receiver), id)
    return false
  end
  redis.call('ZADD', CALLBACKS, now + lease_ms, id)
  redis.call('ZADD', receiver_key(receiver), now + lease_ms, id)
  answer[#answer + 1] = id
  answer[#answer + 1] = redis.call('HINCRBY', key, 'claim', 1)
  answer[#answer + 1] = receiver
  for i = 1, 5 do answer[#answer + 1] = fields[i] or '' end
  return true
end

-- Hands out up to `max` callbacks that are due, each for `lease_ms`, and up to `places` of one receiver,
-- less those of it that the drain has under way (`busy`, of `busy_receivers` receivers). Appends to
-- `answer` for each: task id, claim, receiver, url, group, state, operation, finished_at.
local function claim_callbacks(max, places, busy, busy_receivers, lease_ms, answer)
  adopt_first_callbacks()
  if max == 0 then return end
  local ready = redis.call('ZRANGEBYSCORE', RECEIVERS, '-inf', now, 'LIMIT', 0, max + busy_receivers)
  for _, receiver in ipairs(ready) do
    -- It was left alone until now: one callback is to see how it is.
    local is_trial = redis.call('HGET', RECEIVERS_HELD, receiver)
    local free = math.min(max, is_trial and 1 or places - (busy[receiver] or 0))
    if free > 0 then
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', receiver_key(receiver), '-inf', now, 'LIMIT', 0,
        free)) do
        if claim_callback(id, receiver, lease_ms, answer) then
          max = max - 1
          if is_trial then redis.call('HSET', RECEIVERS_HELD, receiver, now + lease_ms) end
        end
      end
      schedule_receiver(receiver)
    end
  end
end

-- Takes in how a receiver is: when it is in trouble as often in a row as `failures_max` (0 = never) says,
-- it is left alone for `open_ms`.
local function note_receiver(receiver, is_troubled, failures_max, open_ms)
  if not is_troubled then
    redis.call('HDEL', RECEIVER_FAILURES, receiver)
    redis.call('HDEL', RECEIVERS_HELD, receiver)
  elseif failures_max > 0
    and redis.call('HINCRBY', RECEIVER_FAILURES, receiver, 1) >= failures_max then
    redis.call('HSET', RECEIVERS_HELD, receiver, now + open_ms)
  end
end

-- Takes in what came of a callback. `result`: 'delivered', 'failed' (the receiver is well), 'trouble'
-- (it is not) or 'gone' (it wants no more); `reason` why it was not delivered; `retry_after_ms` how long
-- the receiver asked to be left alone. Of no effect when somebody else has it by now. `policy`:
-- retry_delay_ms, attempts_max, failures_max, open_ms, ttl_s.
local function conclude_callback(id, claim, result, reason, retry_after_ms, policy)
  local key = callback_key(id)
  local fields = redis.call('HMGET', key, 'claim', 'standing', 'url')
  if fields[1] ~= claim or fields[2] ~= 'waiting' then return end
  local url = fields[3]
  note_receiver(receiver_of(url), result == 'trouble', policy.failures_max, policy.open_ms)
  local attempts = redis.call('HINCRBY', key, 'attempts', 1)
  if result == 'delivered' then
    redis.call('HSET', key, 'standing', 'delivered')
    redis.call('HDEL', key, 'last_error')
    redis.call('EXPIRE', key, policy.ttl_s)
    unqueue_callback(id, url)
    return
  end
  redis.call('HSET', key, 'last_error', reason)
  if result == 'gone' or attempts >= policy.attempts_max then
    redis.call('HSET', key, 'standing', 'given_up')
    unqueue_callback(id, url)
    redis.call('ZADD', CALLBACKS_GIVEN_UP, now, id)
    return
  end
  local delay_ms = math.min(policy.retry_delay_ms * CALLBACK_BACKOFF ^ (attempts - 1),
    CALLBACK_DELAY_MAX_MS)
  queue_callback(id, url, now + math.max(math.floor(delay_ms), retry_after_ms))
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
