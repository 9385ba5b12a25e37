-- Retries a dead letter: queues a task of its own behind the group's others. The dead letter stays on
-- the list until that task has put its node back.
-- keys: the prefix
-- arguments: dead letter id, task id, group id, operation, record, channel, id of the letter's task, who
--   asks for it
-- answer: 'UNKNOWN' | 'SUPERSEDED', task id | 'RETRYING', task id | 'ACCEPTED', task id
-- uses: keys clock wake batch ended index callbacks notes group_queue dead_letters
local dead_letter, id, group, operation, record, channel, dead_letter_task, by = unpack(ARGV)

wake_if_neglected(channel)
local fields = dead_letter_fields(dead_letter)
if not fields then return { 'UNKNOWN' } end
local superseded_by, retried_by = fields[3], fields[4]
if superseded_by ~= '' then return { 'SUPERSEDED', superseded_by } end
if retried_by ~= '' then return { retried_by == id and 'ACCEPTED' or 'RETRYING', retried_by } end
-- However many tasks wait: there are no more of these than there are dead letters.
enqueue(id, group, operation, record, dead_letter)
add(COUNTS, 'waiting', 1)
redis.call('HSET', dead_letter_key(dead_letter), 'retry_task_id', id)
note(dead_letter_task, 'dead_letter_retried', dead_letter .. ' by task ' .. id, by)
note(id, 'retry_requested', dead_letter, by)
wake(channel)
return { 'ACCEPTED', id }
