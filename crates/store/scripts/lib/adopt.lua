-- What 0.1.0 left: dead letters that are in a set of their group, and of which a group and node may have
-- several that are open. They are shown as they are. Before one is retried, and when a retry or a success
-- of their group ends, they are adopted: several for a node become one, under the oldest.
local ADOPT_MAX = 100 -- in one script
local HELD_CODES = { present = '1', absent = '0' }

-- Adds what one open dead letter says to another, and removes it.
local function join_dead_letters(from, into, ttl_ms)
  local fields = redis.call('HMGET', dead_letter_key(from), 'tasks', 'attempts', 'last_error', 'updated_at',
    'group')
  local names = {}
  for name in (fields[1] or ''):gmatch('%S+') do names[#names + 1] = name end
  redis.call('DEL', dead_letter_key(from))
  redis.call('ZREM', DEAD_LETTERS, from)
  redis.call('ZREM', group_dead_letters_key(fields[5]), from)
  local later = redis.call('HMGET', dead_letter_key(into), 'last_error', 'updated_at')
  if tonumber(later[2]) < tonumber(fields[4]) then later = { fields[3], fields[4] } end
  update_dead_letter(into, fields[2], later[1], later[2])
  add_tasks(into, names, ttl_ms)
end

-- Adopts a dead letter of 0.1.0; of no effect on any other.
local function adopt(id, group, ttl_ms)
  local key = dead_letter_key(id)
  redis.call('SREM', first_dead_letters_key(group), id)
  local fields = redis.call('HMGET', key, 'json', 'superseded_by', 'node')
  if not fields[1] or fields[3] then return end
  local is_json, first = pcall(cjson.decode, fields[1])
  if not is_json or type(first) ~= 'table' then first = { kind = 'unreadable_record' } end
  local node = first.kind ~= 'unreadable_record' and type(first.node) == 'string' and first.node or ''
  local at = redis.call('ZSCORE', DEAD_LETTERS, id) or now_text
  redis.call('HSET', key, 'node', node, 'before', HELD_CODES[first.before] or '?',
    'attempts', tonumber(first.attempts) or 0,
    'last_error', type(first.last_error) == 'string' and first.last_error or '',
    'updated_at', string.format('%.0f', tonumber(first.updated_at_ms) or now))
  redis.call('ZADD', group_dead_letters_key(group), at, id)
  redis.call('PERSIST', group_tasks_key(group))
  keep_task(id)
  add_tasks(id, { id }, ttl_ms)
  if node == '' or fields[2] then return end
  local superseded_by = redis.call('HGET', first_superseded_key(group), node)
  if superseded_by then
    redis.call('HSET', key, 'superseded_by', superseded_by)
    return
  end
  local open = open_dead_letters_key(group)
  local other = redis.call('HGET', open, node)
  local other_at = other and redis.call('ZSCORE', DEAD_LETTERS, other)
  if other_at and tonumber(other_at) <= tonumber(at) then
    join_dead_letters(id, other, ttl_ms)
  else
    redis.call('HSET', open, node, id)
    if other_at then join_dead_letters(other, id, ttl_ms) end
  end
end

-- Adopts some of a group's. Returns whether that was all.
local function adopt_first_dead_letters(group, ttl_ms)
  local key = first_dead_letters_key(group)
  local ids = redis.call('SRANDMEMBER', key, ADOPT_MAX)
  if #ids == 0 then return true end
  for _, id in ipairs(ids) do adopt(id, group, ttl_ms) end
  if redis.call('EXISTS', key) == 1 then return false end
  redis.call('DEL', first_superseded_key(group))
  return true
end
