-- Discards a callback that was not delivered: nobody needs to be told any more.
-- keys: the prefix
-- arguments: task id, channel, who asks for it
-- answer: 'UNKNOWN' | 'DELIVERED' | 'DISCARDED'
-- uses: keys clock wake notes
local id, channel, by = unpack(ARGV)

wake_if_neglected(channel)
local status = redis.call('HGET', callback_key(id), 'standing')
if not status then return { 'UNKNOWN' } end
if status == 'delivered' then return { 'DELIVERED' } end
redis.call('DEL', callback_key(id))
redis.call('ZREM', CALLBACKS, id)
redis.call('ZREM', CALLBACKS_GIVEN_UP, id)
note(id, 'callback_discarded', nil, by)
return { 'DISCARDED' }
