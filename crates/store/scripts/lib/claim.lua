-- Taking ready tasks: compensations first, then new work. A claim raises the task's epoch, which
-- is its fencing token, and starts a lease.

local function claim_one(list, lease_ms)
  while true do
    local id = redis.call('LPOP', LISTS[list])
    if not id then return nil end
    local key = task_key(id)
    local fields = redis.call('HMGET', key, 'where', 'recoveries', 'record', 'cancel', 'letter',
      'started', 'group')
    -- Not there: it was cancelled meanwhile, or removed by hand.
    if fields[1] == list then
      local epoch = redis.call('HINCRBY', key, 'epoch', 1)
      redis.call('HSET', key, 'where', 'running', 'lane', list)
      redis.call('ZADD', LEASES, now + lease_ms, id)
      if not fields[6] then
        redis.call('HSET', key, 'started', now, 'state', 'STARTED', 'updated_at', now)
        redis.call('HINCRBY', COUNTS, 'waiting', -1)
      end
      local flag = ''
      if fields[4] then flag = 'cancel' end
      if fields[5] and redis.call('HGET', letter_key(fields[5]), 'superseded_by') then
        flag = 'superseded'
      end
      return { id, epoch, fields[2] or '0', flag, fields[7] or '', fields[3] or '' }
    end
  end
end

-- Appends up to `slots` claimed tasks to `answer`, six values each. Returns how many.
local function claim(slots, lease_ms, answer)
  local claimed = 0
  for _, list in ipairs(is_paused() and { 'rollback' } or { 'rollback', 'queue' }) do
    while claimed < slots do
      local task = claim_one(list, lease_ms)
      if not task then break end
      for _, value in ipairs(task) do
        answer[#answer + 1] = value
      end
      claimed = claimed + 1
    end
  end
  return claimed
end
