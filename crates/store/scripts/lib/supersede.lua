-- What becomes of dead letters when a later task of their group ends.

-- A later task made these nodes of the group as it desired them: an old undo would break that.
local function supersede_dead_letters(group, task_id, holdings, ttl_ms)
  if is_without_dead_letters() then return end
  local adopted_all = adopt_first_dead_letters(group, ttl_ms)
  local open = open_dead_letters_key(group)
  if adopted_all and redis.call('EXISTS', open) == 0 then return end
  local nodes = {}
  for node in pairs(holdings) do nodes[#nodes + 1] = node end
  for from = 1, #nodes, BATCH_MAX do
    local to = math.min(from + BATCH_MAX - 1, #nodes)
    local ids = redis.call('HMGET', open, unpack(nodes, from, to))
    for i = from, to do
      local id = ids[i - from + 1]
      if id then
        redis.call('HSET', dead_letter_key(id), 'superseded_by', task_id)
        redis.call('HDEL', open, nodes[i])
      end
      if not adopted_all then redis.call('HSETNX', first_superseded_key(group), nodes[i], task_id) end
    end
  end
end

-- The task that retried a dead letter has ended. If it has put its node back, `holdings` says so.
local function end_retry(name, task_id, holdings, ttl_ms)
  local id = dead_letter_of(name)
  local fields = redis.call('HMGET', dead_letter_key(id), 'node', 'before', 'retry_task_id')
  if fields[3] == task_id then redis.call('HDEL', dead_letter_key(id), 'retry_task_id') end
  if fields[1] and holdings[fields[1]] == fields[2] then remove_dead_letter(id, ttl_ms) end
end
