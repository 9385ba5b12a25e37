-- Tries a callback again, from now and with a fresh budget.
-- keys: the prefix
-- arguments: task id, channel, who asks for it
-- answer: 'UNKNOWN' | 'DELIVERED' | 'ACCEPTED'
-- uses: keys clock wake callbacks notes
local id, channel, by = unpack(ARGV)

wake_if_neglected(channel)
local status, url = unpack(redis.call('HMGET', callback_key(id), 'standing', 'url'))
if not status then return { 'UNKNOWN' } end
if status == 'delivered' then return { 'DELIVERED' } end
redis.call('HSET', callback_key(id), 'standing', 'waiting', 'attempts', 0)
redis.call('ZREM', CALLBACKS_GIVEN_UP, id)
redis.call('ZREM', FIRST_CALLBACKS, id)
queue_callback(id, url or '', now)
keep_time()
note(id, 'callback_retried', nil, by)
wake(channel)
return { 'ACCEPTED' }
