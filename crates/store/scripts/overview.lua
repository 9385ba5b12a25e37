-- How things stand as a whole: for readiness checks, metrics and people. Wakes a drain when there is work
-- that nobody looks after.
-- keys: the prefix
-- arguments: channel
-- answer: now in ms; tasks waiting, begun and ready to go on, ready compensations, delayed, of those waiting
--   for calls that were given up on, left alone for their records are of a later version, running, dead letters, drains, callbacks that wait, callbacks given up;
--   when the first task of the queue was accepted ('' when none waits); who paused the queue and when (''
--   and '' when it is not paused); since when wake-ups are heard and not answered, since when Redis lets none
--   be sent, why it stores nothing (each '' when all is well); the number of nodes whose breaker is open,
--   for each: node, until when in ms; then for each count: name, number
-- uses: keys clock wake batch
local channel = ARGV[1]

wake_if_neglected(channel)
local first = redis.call('LINDEX', LISTS.queue, 0)
local paused = redis.call('HMGET', PAUSED, 'by', 'at')
-- A Redis that is full, or a replica, can be read all the same.
local written = redis.pcall('HSET', WAKE, 'asked', now_text)
local woken = redis.call('HMGET', WAKE, 'unanswered', 'refused')
local is_deaf = woken[1] and now - woken[1] >= UNANSWERED_MS and live_drains() == 0 and is_work_left()
local counts = redis.call('HGETALL', COUNTS)
local answer = {
  now,
  redis.call('HGET', COUNTS, 'waiting') or '0',
  redis.call('LLEN', LISTS.begun) + redis.call('LLEN', LISTS.alone),
  redis.call('LLEN', LISTS.rollback),
  redis.call('ZCARD', DELAYED),
  redis.call('SCARD', AWAITING),
  redis.call('ZCOUNT', NEWER, '(' .. now_text, '+inf'),
  redis.call('ZCARD', LEASES),
  redis.call('ZCARD', DEAD_LETTERS),
  live_drains(),
  redis.call('ZCARD', CALLBACKS),
  redis.call('ZCARD', CALLBACKS_GIVEN_UP),
  first and redis.call('HGET', task_key(first), 'created_at') or '',
  paused[1] or '',
  paused[2] or '',
  is_deaf and woken[1] or '',
  woken[2] or '',
  type(written) == 'table' and written.err or '',
}
local open, closed = {}, {}
local breakers = redis.call('HGETALL', BREAKERS)
for i = 1, #breakers, 2 do
  if (tonumber(breakers[i + 1]) or 0) > now then
    open[#open + 1] = breakers[i]
    open[#open + 1] = breakers[i + 1]
  else
    closed[#closed + 1] = breakers[i]
  end
end
-- Whose drain has ended, or whose node is gone: nobody else would say that they are closed.
call_in_parts('HDEL', BREAKERS, closed)
answer[#answer + 1] = #open / 2
for _, value in ipairs(open) do answer[#answer + 1] = value end
for _, value in ipairs(counts) do answer[#answer + 1] = value end
return answer
