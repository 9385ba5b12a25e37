-- Discards a dead letter: a person has seen to it.
-- keys: the prefix
-- arguments: a name of the dead letter, channel, who asks for it, why ('' for no reason given), time to live
--   of an ended task in seconds
-- answer: 'UNKNOWN' | 'RETRYING', task id | 'DISCARDED'
-- uses: keys clock wake batch ended kept notes dead_letters
local name, channel, by, reason, ttl_s = unpack(ARGV)

wake_if_neglected(channel)
local id = dead_letter_of(name)
local fields = dead_letter_fields(id)
if not fields then return { 'UNKNOWN' } end
if fields[4] ~= '' then return { 'RETRYING', fields[4] } end
-- One of 0.1.0 that is not adopted has no names yet.
local tasks = fields[8] ~= '' and fields[8] or id
for known_as in tasks:gmatch('%S+') do
  note(task_of(known_as), 'dead_letter_discarded', known_as .. (reason ~= '' and ': ' .. reason or ''), by)
end
remove_dead_letter(id, math.max(1, ttl_s * 1000))
return { 'DISCARDED' }
