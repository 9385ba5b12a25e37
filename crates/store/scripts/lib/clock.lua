-- The time, in milliseconds since the epoch. Redis's clock is the only one scripts go by.
--
-- It may be put back, by hours even: by a person, or by a failover to a host whose clock is behind. All that
-- is due would then wait for as long, so time stands still here for a moment and goes on from there: an
-- `offset` is added from then on. It goes at once when nothing waits for a time, and otherwise by a tenth
-- of what passes.
--
-- It may be put forward, too. Then leases seem to be over whose drains are well: see reclaim.lua.
local function read_clock()
  local time = redis.call('TIME')
  local stored = redis.call('HMGET', CLOCK, 'last', 'offset', 'gap', 'kept')
  local at = time[1] * 1000 + math.floor(time[2] / 1000)
  local last, ahead = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0
  local time_now = at + math.floor(ahead)
  local latest = math.max(last, tonumber(stored[4]) or 0)
  if time_now < latest then
    ahead = latest - at
    time_now = latest
    -- A Redis that is full keeps nothing; then time stands still a little longer.
    redis.pcall('HSET', CLOCK, 'offset', ahead)
  end
  return time_now, last, ahead, tonumber(stored[3]) or 0
end
local now, last_turn_at, clock_offset, gap_ended_at = read_clock()
-- The same as text, for what stores it more than once: Redis words a number anew each time it is given
-- one, which takes longer than many a command.
local now_text = string.format('%.0f', now)

-- Notes that something is stored that is due from now on, by a script that is no turn.
local function keep_time()
  if now > last_turn_at then redis.call('HSET', CLOCK, 'kept', now_text) end
end

-- Notes that a drain takes a turn now. When the last turn was more than `gap_ms` ago, then either no drain
-- was there, or the clock was put forward.
local function tick(gap_ms)
  if last_turn_at > 0 and now - last_turn_at > gap_ms then gap_ended_at = now end
  local ahead = math.max(0, clock_offset - math.max(0, now - last_turn_at) / 10)
  redis.call('HSET', CLOCK, 'last', now_text, 'offset', string.format('%.1f', ahead), 'gap', gap_ended_at)
end

-- Goes by Redis's clock as it is again. Only when no task has begun, whose record may hold times.
local function drop_clock_offset()
  if clock_offset == 0 then return end
  redis.call('HSET', CLOCK, 'last', now - math.floor(clock_offset), 'offset', 0, 'gap', 0, 'kept', 0)
  redis.call('DEL', DRAINS) -- those that live register anew with their next turn
end
