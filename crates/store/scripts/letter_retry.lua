-- Retries a dead letter: queues a task of its own behind the group's others. The letter stays on
-- the list until that task has put its node back.
-- keys: the prefix
-- arguments: letter id, task id, group id, operation, record, channel, id of the letter's task, who
--   asks for it
-- answer: 'UNKNOWN' | 'SUPERSEDED', task id | 'RETRYING', task id | 'ACCEPTED', task id
-- uses: keys clock doorbell batch index line letters notes
local letter, id, group, operation, record, channel, letter_task, by = unpack(ARGV)

local fields = letter_fields(letter)
if not fields then return { 'UNKNOWN' } end
local superseded_by, retried_by = fields[3], fields[4]
if superseded_by ~= '' then return { 'SUPERSEDED', superseded_by } end
if retried_by ~= '' then return { retried_by == id and 'ACCEPTED' or 'RETRYING', retried_by } end
enqueue(id, group, operation, record, letter)
redis.call('HINCRBY', COUNTS, 'waiting', 1)
redis.call('HSET', letter_key(letter), 'retry_task_id', id)
note(letter_task, 'dead letter retried', letter .. ' by task ' .. id, by)
note(id, 'retry asked for', letter, by)
ring(channel)
return { 'ACCEPTED', id }
