-- Taking ready tasks: what has begun first, then new work. A claim raises the task's epoch, which with
-- the drain's id is its fencing token, and starts a lease.

-- Takes one task out of `list`, or gives nil when it is no longer ready.
local function claim_one(list, id, drain, lease_ms)
  local key = task_key(id)
  local fields = redis.call('HMGET', key, 'where', 'recoveries', 'record', 'cancel', 'letter',
    'started', 'group', 'epoch', 'operation', 'lost', 'awaiting')
  -- Not there: it was cancelled meanwhile, or removed by hand.
  if fields[1] ~= list then return nil end
  local epoch = (tonumber(fields[8]) or 0) + 1
  if fields[6] then
    redis.call('HSET', key, 'where', 'running', 'epoch', epoch, 'drain', drain)
  else
    redis.call('HSET', key, 'where', 'running', 'lane', list, 'epoch', epoch, 'drain', drain,
      'started', now_text, 'state', 'STARTED', 'updated_at', now_text)
    count('waiting', -1)
  end
  if fields[11] then
    redis.call('HDEL', key, 'awaiting')
    redis.call('SREM', AWAITING, id)
  end
  lease(id, lease_ms)
  local flag = ''
  if fields[4] then flag = 'cancel' end
  if fields[5] then
    -- One that is gone is part of an older one by now, which a retry of its own puts right.
    local letter = redis.call('HMGET', dead_letter_key(fields[5]), 'json', 'superseded_by')
    if not letter[1] or letter[2] then flag = 'superseded' end
  end
  return { id, epoch, fields[2] or '0', fields[10] or '0', flag, list == 'alone' and '1' or '0', fields[7] or '',
    fields[9] or '', fields[3] or '' }
end

-- Appends up to `slots` tasks of one list to `answer`, nine values each. Returns how many.
local function claim_from(list, slots, drain, lease_ms, answer)
  local claimed = 0
  while claimed < slots do
    local ids = redis.call('LPOP', LISTS[list], slots - claimed)
    if not ids then break end
    for _, id in ipairs(ids) do
      local task = claim_one(list, id, drain, lease_ms)
      if task then
        for _, value in ipairs(task) do
          answer[#answer + 1] = value
        end
        claimed = claimed + 1
      end
    end
  end
  return claimed
end

-- Appends up to `slots` claimed tasks to `answer`, for a drain that holds other tasks or none. While some
-- task is to be taken alone, a drain that has others takes no more, until it has none. Returns how many.
local function claim(slots, holds_none, drain, lease_ms, answer)
  if redis.call('LLEN', LISTS.alone) > 0 then
    local claimed = holds_none and claim_from('alone', 1, drain, lease_ms, answer) or 0
    if claimed > 0 or not holds_none then return claimed end
  end
  local claimed = 0
  for _, list in ipairs({ 'rollback', 'begun', 'queue' }) do
    if list ~= 'queue' or not is_paused() then
      claimed = claimed + claim_from(list, slots - claimed, drain, lease_ms, answer)
    end
  end
  return claimed
end
