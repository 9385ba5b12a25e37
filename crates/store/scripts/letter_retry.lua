-- Retries a dead letter: queues a task of its own behind the group's others. The letter stays on
-- the list until that task has put its node back.
-- keys: the prefix
-- arguments: letter id, task id, group id, record, channel, id of the letter's task
-- answer: 'UNKNOWN' | 'SUPERSEDED', task id | 'RETRYING', task id | 'ACCEPTED', task id
-- uses: keys clock doorbell line letters notes
local letter, id, group, record, channel, letter_task = unpack(ARGV)

local fields = letter_fields(letter)
if not fields then return { 'UNKNOWN' } end
if fields[2] ~= '' then return { 'SUPERSEDED', fields[2] } end
if fields[3] ~= '' then return { fields[3] == id and 'ACCEPTED' or 'RETRYING', fields[3] } end
enqueue(id, group, record, letter)
redis.call('HSET', letter_key(letter), 'retry_task_id', id)
note(letter_task, 'dead letter retried', letter .. ' by task ' .. id)
ring(channel)
return { 'ACCEPTED', id }
