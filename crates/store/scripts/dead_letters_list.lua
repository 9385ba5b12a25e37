-- Lists dead letters, oldest first, and wakes a drain when there is work that nobody looks after. A page
-- visits a bounded number of dead letters, so it may be short and still have a next one.
-- keys: the prefix
-- arguments: cursor (score, member; '' and '' for the first page), most dead letters, most to visit,
--   channel; then filters, each '' for any: group id, task id, and two texts that the JSON holds
-- answer: how many match in all ('' when that is not known, because more would have to be visited); cursor
--   of the next page (score, member; '' and '' when there is none); then for each what
--   dead_letter_fields gives
-- uses: keys clock wake kept dead_letters page
local cursor_score, cursor_member, count, scan_max, channel, group, task, text, other_text = unpack(ARGV)
count, scan_max = tonumber(count), tonumber(scan_max)

wake_if_neglected(channel)

-- The narrowest index there is. What 0.1.0 left is only in that of all.
local is_indexed = group ~= '' and redis.call('EXISTS', first_dead_letters_key(group)) == 0
local key = is_indexed and group_dead_letters_key(group) or DEAD_LETTERS

local function names_task(fields)
  local first = fields[8] ~= '' and fields[8] or fields[1]
  for name in first:gmatch('%S+') do
    if task_of(name) == task then return true end
  end
end

-- What is known of a dead letter, if it matches.
local function matching(id)
  local fields = dead_letter_fields(id)
  if not fields then return end
  if group ~= '' and not is_indexed and redis.call('HGET', dead_letter_key(id), 'group') ~= group then return end
  if task ~= '' and not names_task(fields) then return end
  if not fields[2]:find(text, 1, true) or not fields[2]:find(other_text, 1, true) then return end
  return fields
end

local function total()
  local all = redis.call('ZCARD', key)
  if task == '' and text == '' and other_text == '' and (group == '' or is_indexed) then
    return tostring(all)
  end
  if all > scan_max then return '' end
  local matches = 0
  for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    if matching(id) then matches = matches + 1 end
  end
  return tostring(matches)
end

local answer = { total(), '', '' }
local function visit(id)
  local fields = matching(id)
  if not fields then return end
  for _, value in ipairs(fields) do answer[#answer + 1] = value end
  count = count - 1
  return count > 0
end

answer[2], answer[3] = scan(key, false, cursor_score, cursor_member, scan_max, visit)
return answer
