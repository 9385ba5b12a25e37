-- What a turn does to keys that all tasks share, gathered and written once: a command costs far more
-- than its part in one.
local BATCH_MAX = 1000 -- values in one command, well below what Lua can unpack
local NODE_CALLS_TTL_MS = 604800000 -- without a call for so long, a node's counts of calls are forgotten

local counts = {} -- how much to add, by field
local metrics = {} -- how much to add, by name
local leases = {} -- when each ends, or false, by task id
local groups = {} -- whether some node holds it, by group

-- Adds to a number that a hash holds, and gives what it is then. One that is no number any more is counted
-- anew.
local function add(key, field, by)
  local sum = redis.pcall('HINCRBY', key, field, by)
  if type(sum) == 'number' then return sum end
  sum = math.max(0, by)
  redis.call('HSET', key, field, sum)
  return sum
end

local function count(field, by)
  counts[field] = (counts[field] or 0) + by
end

local function count_metric(name, by)
  metrics[name] = (metrics[name] or 0) + by
end

-- Begins or renews a lease.
local function lease(id, lease_ms)
  leases[id] = now + lease_ms
end

local function unlease(id)
  leases[id] = false
end

-- Lists a group, or takes it off the list.
local function list_group(group, is_held)
  groups[group] = is_held
end

local function call_in_parts(command, key, values)
  for from = 1, #values, BATCH_MAX do
    redis.call(command, key, unpack(values, from, math.min(from + BATCH_MAX - 1, #values)))
  end
end

-- Writes what was counted. What is counted of a node has a hash of its own, for nodes come and go.
local function write_metrics()
  local called = {}
  for name, by in pairs(metrics) do
    local field, node = name:match('^calls|([^|]*|[^|]*)|(.*)$')
    if not field then field, node = name:match('^(late_calls)|(.*)$') end
    if field then
      add(node_calls_key(node), field, by)
      called[node] = true
    else
      add(METRICS, name, by)
    end
  end
  local listed = {}
  for node in pairs(called) do
    redis.call('PEXPIRE', node_calls_key(node), NODE_CALLS_TTL_MS)
    listed[#listed + 1] = 0
    listed[#listed + 1] = node
  end
  if #listed == 0 then return end
  call_in_parts('ZADD', CALLED_NODES, listed)
  -- Two of the list, wherever the clock points: in time it is rid of all that are forgotten.
  local rank = now % redis.call('ZCARD', CALLED_NODES)
  for _, node in ipairs(redis.call('ZRANGE', CALLED_NODES, rank, rank + 1)) do
    if redis.call('EXISTS', node_calls_key(node)) == 0 then redis.call('ZREM', CALLED_NODES, node) end
  end
end

-- Writes what was gathered. Whatever reads these keys has to come after it.
local function write_batch()
  local ended, running = {}, {}
  for id, deadline in pairs(leases) do
    if deadline then
      running[#running + 1] = deadline
      running[#running + 1] = id
    else
      ended[#ended + 1] = id
    end
  end
  call_in_parts('ZREM', LEASES, ended)
  call_in_parts('ZADD', LEASES, running)
  for field, by in pairs(counts) do
    if by ~= 0 then add(COUNTS, field, by) end
  end
  write_metrics()
  local held, gone = {}, {}
  for group, is_held in pairs(groups) do
    if is_held then
      held[#held + 1] = 0
      held[#held + 1] = group
    else
      gone[#gone + 1] = group
    end
  end
  call_in_parts('ZADD', GROUPS, held)
  call_in_parts('ZREM', GROUPS, gone)
  counts, metrics, leases, groups = {}, {}, {}, {}
end
