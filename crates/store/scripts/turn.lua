-- One turn of a drain, in one round trip: renews its leases, commits what it learned, reclaims
-- expired leases, promotes due retries, claims ready tasks, and decides whether it may end.
-- keys: the prefix
-- arguments: drain id, channel, registration in ms, lease in ms, free slots, 1 when it holds no
--   task after these commits, 1 when it is idle (nor delivers a callback), 1 when it is closing (claims
--   nothing more), 1 when it stays for what is due, time to live of an ended task in seconds; the number
--   of renewals and for each: task id, epoch; the number of commits and for each: task id, epoch, kind,
--   state, lane, due in ms, 1 when a node came further since the claim, record, outcome; most callbacks to
--   hand out, how long each is given in ms, most of one receiver at once; the delay before the first is
--   tried again in ms, most attempts, after how many failures in a row a receiver is left alone (0 = never),
--   for how long in ms; the number of receivers with callbacks under way and for each: receiver, how many;
--   the number of callbacks tried and for each: task id, claim, result, why it failed ('' when it was
--   delivered), how long the receiver asked to be left alone in ms; the number of breakers that changed and
--   for each: node, open until in ms (0 = closed); then counts of what the drain did, for each: name in the
--   metrics, how much to add
-- answer: now in ms; 'WORK' | 'WAIT' | 'END'; ms until something is due (-1: nothing); the number
--   of stale claims, their task ids; the number of tasks to cancel, their ids; the number of
--   callbacks and for each: task id, claim, receiver, url, group, state, operation, finished_at; then
--   for each claimed task: id, epoch, recoveries, '1' when the last worker to hold it was lost (else
--   '0'), '' | 'cancel' | 'superseded', 1 when it is to be held alone, group id, operation, record
-- uses: keys clock wake batch metrics ended kept index registry callbacks notes group_queue dead_letters
-- uses: adopt supersede reclaim promote claim commit
local at = 0
local function argument()
  at = at + 1
  return ARGV[at]
end
local drain, channel = argument(), argument()
local registration_ms, lease_ms = tonumber(argument()), tonumber(argument())
local slots, holds_none, idle = tonumber(argument()), argument() == '1', argument() == '1'
local closing, stays, ttl_s = argument() == '1', argument() == '1', tonumber(argument())

-- The first write of all, and one that a Redis that is full refuses: what cannot be stored is not begun.
tick(lease_ms / 3)
local stale, cancelled = {}, {}
for _ = 1, tonumber(argument()) do
  local id, epoch = argument(), argument()
  if not renew(id, epoch, drain, lease_ms) then stale[#stale + 1] = id end
end
for _ = 1, tonumber(argument()) do
  local c = { id = argument(), epoch = argument(), kind = argument(), state = argument(),
    queue = argument(), due_ms = argument(), progressed = argument(), record = argument(),
    outcome = argument() }
  local result = commit(c, drain, lease_ms, ttl_s)
  if result == 'stale' then stale[#stale + 1] = c.id end
  if result == 'cancel' then cancelled[#cancelled + 1] = c.id end
end

local callbacks_max, callback_lease_ms = tonumber(argument()), tonumber(argument())
local receiver_places = tonumber(argument())
local callback_policy = { retry_delay_ms = tonumber(argument()), attempts_max = tonumber(argument()),
  failures_max = tonumber(argument()), open_ms = tonumber(argument()), ttl_s = ttl_s }
local busy, busy_receivers = {}, tonumber(argument())
for _ = 1, busy_receivers do
  local receiver = argument()
  busy[receiver] = tonumber(argument())
end
for _ = 1, tonumber(argument()) do
  conclude_callback(argument(), argument(), argument(), argument(), tonumber(argument()),
    callback_policy)
end
local callbacks = {}
claim_callbacks(callbacks_max, receiver_places, busy, busy_receivers, callback_lease_ms, callbacks)

for _ = 1, tonumber(argument()) do
  local node, until_ms = argument(), argument()
  if until_ms == '0' then
    redis.call('HDEL', BREAKERS, node)
  else
    redis.call('HSET', BREAKERS, node, until_ms)
  end
end
while at < #ARGV do count_metric(argument(), tonumber(argument())) end

write_batch()
reclaim(lease_ms)
promote()
local claimed_values = {}
local claimed = 0
if not closing and slots > 0 then claimed = claim(slots, holds_none, drain, lease_ms, claimed_values) end
write_batch()
forget_expired(math.max(1, ttl_s * 1000))
forget_first()

-- What a drain may stay for: retries, callbacks, and leases that others may not live to renew.
local function ms_until_due()
  local due
  for _, key in ipairs({ DELAYED, LEASES, RECEIVERS }) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] and (not due or tonumber(first[2]) < due) then due = tonumber(first[2]) end
  end
  if not due then return -1 end
  return math.max(0, due - now)
end

local instruction, wait_ms = 'WORK', -1
if idle and claimed == 0 and #callbacks == 0 then
  wait_ms = ms_until_due()
  local pause_ms = ring_pause_ms()
  if closing then
    -- It wakes another for what it leaves, and stays until it may.
    if pause_ms > 0 and is_work_left() then instruction, wait_ms = 'WAIT', pause_ms end
  elseif stays and wait_ms >= 0 and wait_ms <= STAY_MS then
    instruction = 'WAIT'
  elseif stays and pause_ms > 0 then
    -- Until then whoever adds work may rely on a drain.
    instruction, wait_ms = 'WAIT', pause_ms
  end
  if instruction == 'WORK' then
    instruction = 'END'
    if ms_until_due() == -1 and begun_tasks() == 0 then
      drop_clock_offset()
      if redis.call('LLEN', LISTS.queue) == 0 then redis.call('HSET', COUNTS, 'waiting', 0) end
    end
  end
end
if closing or instruction == 'END' then
  -- It claims nothing more, so nobody may rely on it.
  redis.call('ZREM', DRAINS, drain)
else
  redis.call('ZREMRANGEBYSCORE', DRAINS, '-inf', now)
  redis.call('ZADD', DRAINS, now + registration_ms, drain)
  if stays then answer_ring() end
  if claimed == slots then call_for_help(channel, STANDING_HELP_PAUSE_MS) end
end
if instruction == 'END' then
  if closing then wake_for_work_left(channel) else wake_if_neglected(channel) end
elseif closing then
  wake_if_neglected(channel)
end

local answer = { now, instruction, wait_ms, #stale }
for _, id in ipairs(stale) do answer[#answer + 1] = id end
answer[#answer + 1] = #cancelled
for _, id in ipairs(cancelled) do answer[#answer + 1] = id end
answer[#answer + 1] = #callbacks / CALLBACK_VALUES
for _, value in ipairs(callbacks) do answer[#answer + 1] = value end
for _, value in ipairs(claimed_values) do answer[#answer + 1] = value end
return answer
