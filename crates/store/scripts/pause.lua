-- Pauses the queue, or lets it go on. While it is paused no task is begun; those that have begun go on
-- to their end.
-- keys: the prefix
-- arguments: 'pause' | 'resume', who asks for it, channel
-- answer: tasks waiting
-- uses: keys clock wake
local wish, by, channel = unpack(ARGV)

if wish == 'pause' then
  redis.call('HSETNX', PAUSED, 'by', by)
  redis.call('HSETNX', PAUSED, 'at', now)
  wake_if_neglected(channel)
else
  redis.call('DEL', PAUSED)
  wake_for_work_left(channel)
end
return { redis.call('HGET', COUNTS, 'waiting') or '0' }
