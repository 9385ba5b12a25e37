-- Dead letters: nodes that could not be put back, kept until a person acts.

-- Whether there are none at all, once somebody asked.
local no_dead_letters

local function write_dead_letter(id, group, json)
  no_dead_letters = false
  redis.call('HSET', dead_letter_key(id), 'json', json, 'group', group)
  redis.call('HDEL', dead_letter_key(id), 'retry_task_id')
  redis.call('ZADD', DEAD_LETTERS, 'NX', now, id)
  redis.call('SADD', group_dead_letters_key(group), id)
end

local function remove_dead_letter(id, group)
  redis.call('DEL', dead_letter_key(id))
  redis.call('ZREM', DEAD_LETTERS, id)
  redis.call('SREM', group_dead_letters_key(group), id)
end

-- A later task made the group's nodes as it desired them: an old undo would break that.
local function supersede_dead_letters(group, task_id)
  if no_dead_letters == nil then no_dead_letters = redis.call('EXISTS', DEAD_LETTERS) == 0 end
  if no_dead_letters then return end
  for _, id in ipairs(redis.call('SMEMBERS', group_dead_letters_key(group))) do
    redis.call('HSETNX', dead_letter_key(id), 'superseded_by', task_id)
  end
end

-- A dead letter as scripts answer it: its id, JSON, who superseded it, which task retries it ('' for
-- nobody).
local function dead_letter_fields(id)
  local fields = redis.call('HMGET', dead_letter_key(id), 'json', 'superseded_by', 'retry_task_id')
  if not fields[1] then return nil end
  return { id, fields[1], fields[2] or '', fields[3] or '' }
end
