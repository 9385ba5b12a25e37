-- Notes: what people did to a task, kept beside it because only its worker writes its record. A note
-- is JSON: `t` when (ms), `e` which event, `d` more about it, `b` by whom.
local NOTES_MAX = 50

local function note(id, event, detail, by)
  local ttl_ms = redis.call('PTTL', ended_key(id))
  if ttl_ms == -2 then ttl_ms = redis.call('PTTL', task_key(id)) end
  if ttl_ms == -2 then return end
  local key = notes_key(id)
  redis.call('RPUSH', key, cjson.encode({ t = now, e = event, d = detail, b = by }))
  redis.call('LTRIM', key, -NOTES_MAX, -1)
  if ttl_ms > 0 then redis.call('PEXPIRE', key, ttl_ms) end
end

-- Moves the notes of 0.1.0, one JSON array in the task's hash, to where they are kept now. What
-- somebody has damaged is left out.
local function move_first_notes(id, array)
  local is_json, notes = pcall(cjson.decode, array)
  if not is_json or type(notes) ~= 'table' then return end
  for i = #notes, 1, -1 do redis.call('LPUSH', notes_key(id), cjson.encode(notes[i])) end
end

-- The notes of a task, oldest first. `first` are those of 0.1.0 that are still in its hash, or nil.
local function notes_of(id, first)
  if first then
    redis.call('HDEL', task_key(id), 'notes')
    move_first_notes(id, first)
    local ttl_ms = redis.call('PTTL', task_key(id))
    if ttl_ms > 0 then redis.call('PEXPIRE', notes_key(id), ttl_ms) end
  end
  return redis.call('LRANGE', notes_key(id), 0, -1)
end
