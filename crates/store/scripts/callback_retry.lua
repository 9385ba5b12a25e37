-- Tries a callback again, from now and with a fresh budget.
-- keys: the prefix
-- arguments: task id, channel, who asks for it
-- answer: 'UNKNOWN' | 'DELIVERED' | 'ACCEPTED'
-- uses: keys clock wake notes
local id, channel, by = unpack(ARGV)

wake_if_neglected(channel)
local status = redis.call('HGET', callback_key(id), 'standing')
if not status then return { 'UNKNOWN' } end
if status == 'delivered' then return { 'DELIVERED' } end
redis.call('HSET', callback_key(id), 'standing', 'waiting', 'attempts', 0)
redis.call('ZREM', CALLBACKS_GIVEN_UP, id)
redis.call('ZADD', CALLBACKS, now, id)
note(id, 'callback_retried', nil, by)
wake(channel)
return { 'ACCEPTED' }
