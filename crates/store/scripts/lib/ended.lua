-- Ended tasks: one string each, which never changes and expires by itself (see kept.lua). Its first line
-- holds the state, the operation, and when the task was accepted and when it ended (both in ms); its
-- second line the group's id; the rest is the record. 0.1.0 left an ended task in its hash, where it is
-- still read.
local HEADER_BYTES_MAX = 1200 -- the first two lines of any; a group's id has 256 characters at most

-- `ttl_ms` is nil for a task that is kept.
local function write_ended(id, group, state, operation, created_at, record, ttl_ms)
  local text = state .. ' ' .. operation .. ' ' .. created_at .. ' ' .. now_text .. '\n' .. group .. '\n'
    .. record
  if ttl_ms then
    redis.call('SET', ended_key(id), text, 'PX', ttl_ms)
  else
    redis.call('SET', ended_key(id), text)
  end
end

-- A task, whether it runs or has ended: state, operation, group, when it was accepted, changed last
-- and ended ('' while it runs), and its record if it is asked for; else what came with the rest of it, the
-- beginning of an ended task's. nil when the task is unknown. Then what only the hash of a task may hold, nil otherwise: the URL to call when it ends, and the notes
-- of 0.1.0.
local function task_fields(id, with_record)
  local hash = redis.call('HMGET', task_key(id), 'callback', 'notes', 'state', 'operation', 'group',
    'created_at', 'updated_at', 'finished_at', with_record and 'record' or 'no record')
  if hash[3] then
    local fields = {}
    for i = 3, 9 do fields[i - 2] = hash[i] or '' end
    return fields, hash[1] or nil, hash[2] or nil
  end
  local text
  if with_record then
    text = redis.call('GET', ended_key(id))
  else
    text = redis.call('GETRANGE', ended_key(id), 0, HEADER_BYTES_MAX - 1)
  end
  local state, operation, created_at, finished_at, group, record_at =
    (text or ''):match('^(%S+) (%S*) (%d*) (%d+)\n([^\n]*)\n()')
  if not state then return nil end
  return { state, operation, group, created_at, finished_at, finished_at, text:sub(record_at) }
end

local function is_known(id)
  return redis.call('EXISTS', task_key(id), ended_key(id)) > 0
end
