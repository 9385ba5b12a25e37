-- Discards a callback that was not delivered: nobody needs to be told any more.
-- keys: the prefix
-- arguments: task id, channel, who asks for it
-- answer: 'UNKNOWN' | 'DELIVERED' | 'DISCARDED'
-- uses: keys clock wake callbacks notes
local id, channel, by = unpack(ARGV)

wake_if_neglected(channel)
local status, url = unpack(redis.call('HMGET', callback_key(id), 'standing', 'url'))
if not status then return { 'UNKNOWN' } end
if status == 'delivered' then return { 'DELIVERED' } end
redis.call('DEL', callback_key(id))
unqueue_callback(id, url or '')
redis.call('ZREM', CALLBACKS_GIVEN_UP, id)
note(id, 'callback_discarded', nil, by)
return { 'DISCARDED' }
