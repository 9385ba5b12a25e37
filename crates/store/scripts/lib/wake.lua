-- Waking drains: seldom enough that a burst does not leave a heap of wake-ups behind and that drains
-- never start each other in a circle, and never too seldom: whoever adds work wakes a drain unless a
-- live one is bound to see it.
--
-- The hash WAKE holds when drains were woken (`rung`), the first wake-up since a drain answered one
-- (`unanswered`), when more drains were called in (`help`), and when Redis did not let us publish
-- (`refused`). Times are compared, not left to expire, because the clock may be put back.
local HELP_BACKLOG = 256 -- ready tasks for each drain before others are called in
local HELP_PAUSE_MS = 1000 -- between two calls for help as work is added
local STANDING_HELP_PAUSE_MS = 5000 -- and while a backlog stands
local RING_PAUSE_MS = 250 -- between two wake-ups, in whatever state Redis is
local UNANSWERED_MS = 1000 -- a wake-up that no drain has answered by then is not believed
local STAY_MS = 86400000 -- what is due within this is worth staying for, and waking for
-- No drain registers for longer. What seems to live longer is dead and was registered before the clock
-- was put back.
local REGISTRATION_MAX_MS = 60000

-- Whether `at` is less than `ms` ago. What lies ahead was stored before the clock was put back.
local function is_recent(at, ms)
  at = tonumber(at)
  return at and at <= now and now - at < ms
end

local function live_drains()
  return redis.call('ZCOUNT', DRAINS, '(' .. now_text, now + REGISTRATION_MAX_MS)
end

local function is_paused()
  return redis.call('EXISTS', PAUSED) == 1
end

-- How many tasks are ready that have begun.
local function begun_tasks()
  local ready = 0
  for _, list in ipairs({ 'begun', 'rollback', 'alone' }) do
    ready = ready + redis.call('LLEN', LISTS[list])
  end
  return ready
end

-- A paused queue starts nothing; what has begun goes on.
local function ready_tasks()
  return begun_tasks() + (is_paused() and 0 or redis.call('LLEN', LISTS.queue))
end

-- How long until a drain may be woken, in ms.
local function ring_pause_ms()
  local wake = redis.call('HMGET', WAKE, 'rung', 'unanswered')
  local pause_ms = wake[2] and UNANSWERED_MS or RING_PAUSE_MS
  if not is_recent(wake[1], pause_ms) then return 0 end
  return tonumber(wake[1]) + pause_ms - now
end

-- Publishes a wake-up, and gives how many heard it. Redis may not let us; nothing else fails by that.
local function publish(channel)
  local heard = redis.pcall('PUBLISH', channel, 'wake')
  if type(heard) ~= 'number' then
    redis.call('HSETNX', WAKE, 'refused', now_text)
    return 0
  end
  redis.call('HDEL', WAKE, 'refused')
  return heard
end

-- Wakes drains, unless some were woken a moment ago: one that heard it does not end before the next
-- wake-up is allowed, and sees all. That it is done is stored first: a Redis that is full has no use for a
-- drain, and could not keep count.
local function ring(channel)
  if ring_pause_ms() > 0 then return end
  if type(redis.pcall('HSET', WAKE, 'rung', now_text)) ~= 'number' then return end
  if publish(channel) > 0 then
    redis.call('HSETNX', WAKE, 'unanswered', now_text)
  else
    redis.call('HDEL', WAKE, 'rung', 'unanswered')
  end
end

-- A drain that a wake-up may have started is here.
local function answer_ring()
  redis.call('HDEL', WAKE, 'unanswered')
end

-- Calls in more drains when more is ready than those there are can take, if there are hosts to run them.
local function call_for_help(channel, pause_ms)
  local drains = live_drains()
  if ready_tasks() <= HELP_BACKLOG * drains then return end
  if is_recent(redis.call('HGET', WAKE, 'help'), pause_ms) then return end
  -- How many listen. In a Redis Cluster only its own node's, so none says nothing.
  local listeners = tonumber(redis.pcall('PUBSUB', 'NUMSUB', channel)[2]) or 0
  if listeners > 0 and listeners <= drains then return end
  redis.call('HSET', WAKE, 'help', now_text)
  publish(channel)
end

-- Wakes a drain after work was added, if need be.
local function wake(channel)
  if live_drains() == 0 then
    ring(channel)
  else
    call_for_help(channel, HELP_PAUSE_MS)
  end
end

local function is_work_left()
  return ready_tasks() > 0 or redis.call('ZCARD', LEASES) > 0
    or redis.call('ZCOUNT', DELAYED, '-inf', now + STAY_MS) > 0
    or redis.call('ZCOUNT', RECEIVERS, '-inf', now + STAY_MS) > 0
    or redis.call('EXISTS', FIRST_CALLBACKS) == 1
end

-- Wakes a drain when there is work that nobody looks after: a wake-up was lost, or a worker.
local function wake_if_neglected(channel)
  if live_drains() == 0 and is_work_left() then ring(channel) end
end

-- Wakes a drain for work that is left, whatever drains seem to live: they may be dead. For moments that
-- are rare and after which nothing else may wake one: a drain hands over, a paused queue goes on.
local function wake_for_work_left(channel)
  if is_work_left() then ring(channel) end
end
