-- Reads one task, and wakes a drain when there is work that nobody looks after.
-- keys: the prefix
-- arguments: task id, channel
-- answer: nothing when the task is unknown, else state, operation, group id, created_at, updated_at,
--   finished_at ('' while it runs), record; the number of notes, and each as JSON; and of its callback,
--   if it has one: url, delivery status, attempts, last error, due in ms
-- uses: keys clock wake ended notes callbacks
local id, channel = unpack(ARGV)

wake_if_neglected(channel)
local answer, url, first_notes = task_fields(id, true)
if not answer then return {} end
local notes = notes_of(id, first_notes)
answer[#answer + 1] = #notes
for _, note in ipairs(notes) do answer[#answer + 1] = note end
local callback
if answer[6] ~= '' then
  callback = callback_fields(id)
elseif url then
  callback = { id, url, 'not_due', 0, '', '' }
end
if callback then
  for i = 2, 6 do answer[#answer + 1] = callback[i] end
end
return answer
