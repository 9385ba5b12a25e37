-- Pauses the queue, or lets it go on. While it is paused nothing is taken from it; what has a worker
-- goes on, and so do rollbacks.
-- keys: the prefix
-- arguments: 'pause' | 'resume', who asks for it, channel
-- answer: tasks waiting
-- uses: keys clock wake
local wish, by, channel = unpack(ARGV)

if wish == 'pause' then
  redis.call('HSETNX', PAUSED, 'by', by)
  redis.call('HSETNX', PAUSED, 'at', now)
else
  redis.call('DEL', PAUSED)
  wake_for_work_left(channel)
end
return { tonumber(redis.call('HGET', COUNTS, 'waiting') or '0') }
