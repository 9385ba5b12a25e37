-- Lists tasks, newest first, and wakes a drain when there is work that nobody looks after. A page visits a
-- bounded number of tasks, and reads a bounded part of their records, so it may be short, or empty, and
-- still have a next one.
-- keys: the prefix
-- arguments: cursor (score, member; '' and '' for the first page), most tasks, most to visit,
--   channel; then filters, each '' for any: group id, operation, states (each between two commas),
--   a node as a JSON string, accepted at or after, accepted before (both in ms)
-- answer: cursor of the next page (score, member; '' and '' when there is none), then for each task:
--   id, state, operation, group id, created_at, updated_at, finished_at ('' while it runs)
-- uses: keys clock wake ended page
local cursor_score, cursor_member, count, scan_max, channel, group, operation, states, node, since,
  before = unpack(ARGV)
count, since, before = tonumber(count), tonumber(since), tonumber(before)

wake_if_neglected(channel)
local RECORD_BYTES_MAX = 2000000 -- of records that a page reads, but for the last of them
local tasks, record_bytes = {}, 0

-- A record has its nodes' addresses as `a`; 0.1.0 had them as `address`.
local function names_node(record)
  return record:find('"a":' .. node, 1, true) or record:find('"address":' .. node, 1, true)
end

local function visit(id, accepted_at)
  -- Whatever follows is older.
  if since and accepted_at < since then return 'end' end
  if before and accepted_at >= before then return end
  local fields = task_fields(id, node ~= '')
  if not fields then return end
  if operation ~= '' and fields[2] ~= operation then return end
  if states ~= '' and not states:find(',' .. fields[1] .. ',', 1, true) then return end
  record_bytes = record_bytes + #fields[7]
  local goes_on = record_bytes < RECORD_BYTES_MAX
  if node ~= '' and not names_node(fields[7]) then return goes_on end
  tasks[#tasks + 1] = id
  for i = 1, 6 do tasks[#tasks + 1] = fields[i] end
  count = count - 1
  return goes_on and count > 0
end

local key = group ~= '' and group_tasks_key(group) or TASKS
local score, member = scan(key, true, cursor_score, cursor_member, tonumber(scan_max), visit,
  before and ARGV[11])
local answer = { score, member }
for _, value in ipairs(tasks) do answer[#answer + 1] = value end
return answer
