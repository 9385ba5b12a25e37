-- Retries a dead letter: queues a task of its own behind the group's others. The dead letter stays on
-- the list until that task has put its node back.
-- keys: the prefix
-- arguments: dead letter id, task id, group id, operation, record (made from that dead letter), channel, who
--   asks for it, time to live of an ended task in seconds
-- answer: 'UNKNOWN' | 'CHANGED' (it is part of an older one now, or may be: read it again) |
--   'SUPERSEDED', task id | 'RETRYING', task id | 'ACCEPTED', task id
-- uses: keys clock wake batch ended kept index callbacks notes group_queue dead_letters adopt
local dead_letter, id, group, operation, record, channel, by, ttl_s = unpack(ARGV)

wake_if_neglected(channel)
local has_all = adopt_first_dead_letters(group, math.max(1, ttl_s * 1000))
if not has_all or dead_letter_of(dead_letter) ~= dead_letter then return { 'CHANGED' } end
local fields = dead_letter_fields(dead_letter)
if not fields then return { 'UNKNOWN' } end
local superseded_by, retried_by, tasks = fields[3], fields[4], fields[8]
if superseded_by ~= '' then return { 'SUPERSEDED', superseded_by } end
if retried_by ~= '' then return { retried_by == id and 'ACCEPTED' or 'RETRYING', retried_by } end
-- However many tasks wait: there are no more of these than there are dead letters.
enqueue(id, group, operation, record, dead_letter)
add(COUNTS, 'waiting', 1)
redis.call('HSET', dead_letter_key(dead_letter), 'retry_task_id', id)
for name in tasks:gmatch('%S+') do
  note(task_of(name), 'dead_letter_retried', name .. ' by task ' .. id, by)
end
note(id, 'retry_requested', dead_letter, by)
wake(channel)
return { 'ACCEPTED', id }
