-- Lists tasks, newest first, and wakes a drain when there is work that nobody looks after. A page visits a
-- bounded number of tasks, and reads a bounded part of their records, so it may be short, or empty, and
-- still have a next one.
-- keys: the prefix
-- arguments: cursor (score, member; '' and '' for the first page), most tasks, most to visit,
--   channel; then filters, each '' for any: group id, operation, states (each between two commas),
--   a node as a JSON string, accepted at or after, accepted before (both in ms), phases (like states)
-- answer: cursor of the next page (score, member; '' and '' when there is none), then for each task:
--   id, state, operation, group id, created_at, updated_at, finished_at ('' while it runs), phase ('' when
--   the record does not tell), error as JSON ('' for none)
-- uses: keys clock wake ended summary page
local RECORD_BYTES_MAX = 1000000 -- read for one page, and one record more
local cursor_score, cursor_member, count, scan_max, channel, group, operation, states, node, since,
  before, phases = unpack(ARGV)
count, since, before = tonumber(count), tonumber(since), tonumber(before)

wake_if_neglected(channel)
local tasks = {}

-- A record has its nodes' addresses as `a`; 0.1.0 had them as `address`.
local function names_node(record)
  return record:find('"a":' .. node, 1, true) or record:find('"address":' .. node, 1, true)
end

-- The states in which a task has turned back.
local HAS_ERROR = { RETRY = true, FAILURE = true, REVOKED = true }
local read = 0 -- bytes of records

local function record_of(id)
  local record = task_fields(id, true)[7]
  read = read + #record
  return record
end

-- Adds a task to the page if it matches.
local function add(id, accepted_at)
  if before and accepted_at >= before then return end
  local is_whole = node ~= ''
  local fields = task_fields(id, is_whole)
  if not fields then return end
  local state, record = fields[1], fields[7]
  if operation ~= '' and fields[2] ~= operation then return end
  if states ~= '' and not states:find(',' .. state .. ',', 1, true) then return end
  if is_whole then
    read = read + #record
    if not names_node(record) then return end
  end
  local phase = phase_of(state, record)
  if phase == '' and not is_whole then
    record, is_whole = record_of(id), true
    phase = phase_of(state, record)
  end
  if phases ~= '' and not phases:find(',' .. phase .. ',', 1, true) then return end
  tasks[#tasks + 1] = id
  for i = 1, 6 do tasks[#tasks + 1] = fields[i] end
  tasks[#tasks + 1] = phase
  tasks[#tasks + 1] = HAS_ERROR[state] and error_of(is_whole and record or record_of(id)) or ''
  count = count - 1
end

local function visit(id, accepted_at)
  -- Whatever follows is older.
  if since and accepted_at < since then return 'end' end
  add(id, accepted_at)
  return count > 0 and read <= RECORD_BYTES_MAX
end

local key = group ~= '' and group_tasks_key(group) or TASKS
local score, member = scan(key, true, cursor_score, cursor_member, tonumber(scan_max), visit,
  before and ARGV[11])
local answer = { score, member }
for _, value in ipairs(tasks) do answer[#answer + 1] = value end
return answer
