-- Dead letters: nodes that could not be put back, kept until a person acts.

-- Whether there are none at all, once somebody asked.
local no_letters

local function write_letter(id, group, json)
  no_letters = false
  redis.call('HSET', letter_key(id), 'json', json, 'group', group)
  redis.call('HDEL', letter_key(id), 'retry_task_id')
  redis.call('ZADD', LETTERS, 'NX', now, id)
  redis.call('SADD', group_letters_key(group), id)
end

local function remove_letter(id, group)
  redis.call('DEL', letter_key(id))
  redis.call('ZREM', LETTERS, id)
  redis.call('SREM', group_letters_key(group), id)
end

-- A later task made the group's nodes as it wanted them: an old undo would break that.
local function supersede_letters(group, task_id)
  if no_letters == nil then no_letters = redis.call('EXISTS', LETTERS) == 0 end
  if no_letters then return end
  for _, id in ipairs(redis.call('SMEMBERS', group_letters_key(group))) do
    redis.call('HSETNX', letter_key(id), 'superseded_by', task_id)
  end
end

-- A letter as scripts answer it: its id, JSON, who superseded it, which task retries it ('' for
-- nobody).
local function letter_fields(id)
  local fields = redis.call('HMGET', letter_key(id), 'json', 'superseded_by', 'retry_task_id')
  if not fields[1] then return nil end
  return { id, fields[1], fields[2] or '', fields[3] or '' }
end
