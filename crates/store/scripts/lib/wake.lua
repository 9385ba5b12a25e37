-- Waking drains: seldom enough that a burst does not leave a heap of wake-ups behind, and never
-- too seldom: whoever adds work wakes a drain unless a live one is bound to see it.
local HELP_BACKLOG = 256 -- ready tasks for each drain before others are called in
local HELP_PAUSE_MS = 1000
local UNANSWERED_MS = 100
local DUE_SOON_MS = 300000 -- what is due within this is worth staying for, and waking for
-- No drain registers for longer. What seems to live longer is dead and was registered before Redis's
-- clock was put back.
local REGISTRATION_MAX_MS = 60000

local function live_drains()
  return redis.call('ZCOUNT', DRAINS, '(' .. now_text, now + REGISTRATION_MAX_MS)
end

local function is_paused()
  return redis.call('EXISTS', PAUSED) == 1
end

-- A paused queue starts nothing; what has begun goes on.
local function ready_tasks()
  local waiting = is_paused() and 0 or redis.call('LLEN', LISTS.queue)
  return waiting + redis.call('LLEN', LISTS.rollback)
end

-- Wakes the first drain. A wake-up that was heard is answered within moments by one that registers
-- and sees all.
local function wake_one(channel)
  if redis.call('EXISTS', WAKE_PENDING) == 0 and redis.call('PUBLISH', channel, 'wake') > 0 then
    redis.call('SET', WAKE_PENDING, now, 'PX', UNANSWERED_MS)
  end
end

-- Wakes a drain after work was added, if need be.
local function wake(channel)
  local drains = live_drains()
  if drains == 0 then
    wake_one(channel)
  elseif ready_tasks() > HELP_BACKLOG * drains
    and redis.call('SET', HELP_REQUESTED, now, 'NX', 'PX', HELP_PAUSE_MS) then
    redis.call('PUBLISH', channel, 'wake')
  end
end

local function is_work_left()
  return ready_tasks() > 0 or redis.call('ZCARD', LEASES) > 0
    or redis.call('ZCOUNT', DELAYED, '-inf', now + DUE_SOON_MS) > 0
    or redis.call('ZCOUNT', RECEIVERS, '-inf', now + DUE_SOON_MS) > 0
    or redis.call('EXISTS', FIRST_CALLBACKS) == 1
end

-- Wakes a drain when there is work that nobody looks after: a wake-up was lost, or a worker.
local function wake_if_neglected(channel)
  if live_drains() == 0 and is_work_left() then wake_one(channel) end
end

-- Wakes a drain for work that is left, whatever drains seem to live: they may be dead. For moments that
-- are rare and after which nothing else may wake one: a drain hands over, a paused queue goes on.
local function wake_for_work_left(channel)
  if is_work_left() then redis.call('PUBLISH', channel, 'wake') end
end
