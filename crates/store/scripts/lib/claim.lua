-- Taking ready tasks: compensations first, then new work. A claim raises the task's epoch, which
-- is its fencing token, and starts a lease.

-- Takes one task out of `list`, or gives nil when it is no longer ready.
local function claim_one(list, id, lease_ms)
  local key = task_key(id)
  local fields = redis.call('HMGET', key, 'where', 'recoveries', 'record', 'cancel', 'letter',
    'started', 'group', 'epoch', 'operation', 'lost', 'awaiting')
  -- Not there: it was cancelled meanwhile, or removed by hand.
  if fields[1] ~= list then return nil end
  local epoch = (tonumber(fields[8]) or 0) + 1
  if fields[6] then
    redis.call('HSET', key, 'where', 'running', 'lane', list, 'epoch', epoch)
  else
    redis.call('HSET', key, 'where', 'running', 'lane', list, 'epoch', epoch, 'started', now_text,
      'state', 'STARTED', 'updated_at', now_text)
    count('waiting', -1)
  end
  if fields[10] then redis.call('HDEL', key, 'lost') end
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
  return { id, epoch, fields[2] or '0', fields[10] or '0', flag, fields[7] or '', fields[9] or '', fields[3] or '' }
end

-- Appends up to `slots` claimed tasks to `answer`, eight values each. Returns how many.
local function claim(slots, lease_ms, answer)
  local claimed = 0
  for _, list in ipairs(is_paused() and { 'rollback' } or { 'rollback', 'queue' }) do
    while claimed < slots do
      local ids = redis.call('LPOP', LISTS[list], slots - claimed)
      if not ids then break end
      for _, id in ipairs(ids) do
        local task = claim_one(list, id, lease_ms)
        if task then
          for _, value in ipairs(task) do
            answer[#answer + 1] = value
          end
          claimed = claimed + 1
        end
      end
    end
  end
  return claimed
end
