-- Discards a dead letter: a person has seen to it.
-- keys: the prefix
-- arguments: dead letter id, channel, id of the letter's task, who asks for it, why ('' for no reason
--   given)
-- answer: 'UNKNOWN' | 'RETRYING', task id | 'DISCARDED'
-- uses: keys clock wake dead_letters notes
local dead_letter, channel, dead_letter_task, by, reason = unpack(ARGV)

wake_if_neglected(channel)
local fields = dead_letter_fields(dead_letter)
if not fields then return { 'UNKNOWN' } end
if fields[4] ~= '' then return { 'RETRYING', fields[4] } end
remove_dead_letter(dead_letter, redis.call('HGET', dead_letter_key(dead_letter), 'group'))
note(dead_letter_task, 'dead_letter_discarded', dead_letter .. (reason ~= '' and ': ' .. reason or ''), by)
return { 'DISCARDED' }
