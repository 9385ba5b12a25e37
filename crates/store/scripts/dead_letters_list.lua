-- Lists dead letters, oldest first, and wakes a drain when there is work that nobody looks after. A page
-- visits a bounded number of dead letters, so it may be short and still have a next one.
-- keys: the prefix
-- arguments: cursor (score, member; '' and '' for the first page), most dead letters, most to visit,
--   channel; then filters, each '' for any: group id, task id, and two texts that the JSON holds
-- answer: how many match in all ('' when that is not known, because more would have to be visited); cursor
--   of the next page (score, member; '' and '' when there is none); then for each what
--   dead_letter_fields gives
-- uses: keys clock wake kept dead_letters page first_dead_letters
local cursor_score, cursor_member, count, scan_max, channel, group, task, text, other_text = unpack(ARGV)
count, scan_max = tonumber(count), tonumber(scan_max)

wake_if_neglected(channel)

-- What 0.1.0 left is in the index of all, and not in that of its group.
local is_indexed = group ~= '' and redis.call('EXISTS', first_dead_letters_key(group)) == 0
local key = is_indexed and group_dead_letters_key(group) or DEAD_LETTERS

-- What is known of a dead letter, if it matches all but the task.
local function matching(id)
  local fields = dead_letter_fields(id)
  if not fields then return end
  if group ~= '' and redis.call('HGET', dead_letter_key(id), 'group') ~= group then return end
  if not fields[2]:find(text, 1, true) or not fields[2]:find(other_text, 1, true) then return end
  return fields
end

local answer = { '', '', '' }
local function visit(id)
  local fields = matching(id)
  if not fields then return end
  for _, value in ipairs(fields) do answer[#answer + 1] = value end
  count = count - 1
  return count > 0
end

-- How many of the index match, if that is known.
local function total()
  local all = redis.call('ZCARD', key)
  if text == '' and other_text == '' and (group == '' or is_indexed) then return tostring(all) end
  if all > scan_max then return '' end
  local matches = 0
  for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    if matching(id) then matches = matches + 1 end
  end
  return tostring(matches)
end

-- The dead letters that name the task, oldest first, each as its score and its id.
local function dead_letters_of_task()
  local ids = redis.call('HVALS', task_dead_letters_key(task))
  if #ids == 0 then ids = first_dead_letters_of(task) end
  local found, is_found = {}, {}
  for _, id in ipairs(ids) do
    local score = redis.call('ZSCORE', DEAD_LETTERS, id)
    if score and not is_found[id] then found[#found + 1] = { score, id } end
    is_found[id] = true
  end
  table.sort(found, function(one, other) return is_later(other[1], other[2], one[1], one[2]) end)
  return found
end

if task == '' then
  answer[1] = total()
  answer[2], answer[3] = scan(key, false, cursor_score, cursor_member, scan_max, visit)
  return answer
end
local matches, last = 0, nil
for _, found in ipairs(dead_letters_of_task()) do
  local score, id = unpack(found)
  local is_on_page = cursor_member == '' or is_later(score, id, cursor_score, cursor_member)
  if matching(id) then
    matches = matches + 1
    if is_on_page and count > 0 then
      visit(id)
      last = found
    elseif is_on_page and last then
      answer[2], answer[3] = unpack(last)
    end
  end
end
answer[1] = tostring(matches)
return answer
