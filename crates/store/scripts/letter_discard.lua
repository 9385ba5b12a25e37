-- Discards a dead letter: a person has seen to it.
-- keys: the prefix
-- arguments: letter id, id of the letter's task, who asks for it, why ('' for no reason given)
-- answer: 'UNKNOWN' | 'RETRYING', task id | 'DISCARDED'
-- uses: keys clock letters notes
local letter, letter_task, by, reason = unpack(ARGV)

local fields = letter_fields(letter)
if not fields then return { 'UNKNOWN' } end
if fields[4] ~= '' then return { 'RETRYING', fields[4] } end
remove_letter(letter, redis.call('HGET', letter_key(letter), 'group'))
note(letter_task, 'dead letter discarded', letter .. (reason ~= '' and ': ' .. reason or ''), by)
return { 'DISCARDED' }
