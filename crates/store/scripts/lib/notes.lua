-- Notes: what people did to a task, kept beside its record because only its worker writes that.
local NOTES_MAX = 50

local function note(id, event, detail, by)
  local key = task_key(id)
  if redis.call('EXISTS', key) == 0 then return end
  local notes = cjson.decode(redis.call('HGET', key, 'notes') or '[]')
  if #notes >= NOTES_MAX then table.remove(notes, 1) end
  notes[#notes + 1] = { t = now, e = event, d = detail, b = by }
  redis.call('HSET', key, 'notes', cjson.encode(notes))
end
