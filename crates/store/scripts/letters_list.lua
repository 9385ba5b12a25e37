-- Lists dead letters, oldest first, and rings when there is work that nobody looks after.
-- keys: the prefix
-- arguments: offset, most letters, channel
-- answer: letters in all, then for each: JSON, superseded by ('' for nobody), retried by ('')
-- uses: keys clock doorbell letters
local offset, count, channel = unpack(ARGV)

ring_if_neglected(channel)
local answer = { redis.call('ZCARD', LETTERS) }
for _, id in ipairs(redis.call('ZRANGE', LETTERS, offset, offset + count - 1)) do
  local fields = letter_fields(id)
  if fields then
    for _, value in ipairs(fields) do answer[#answer + 1] = value end
  end
end
return answer
