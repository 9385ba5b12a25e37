-- Pages of a sorted set that is scored by time. A cursor is the score and the member that the last
-- page ended with; it stays good when either is gone by now.

-- Calls `visit(member, score)` for members after the cursor, in order, until it returns false or
-- `scan_max` were visited. Returns the cursor of the next page as two values, '' and '' at the end.
local function scan(key, newest_first, cursor_score, cursor_member, scan_max, visit)
  local start = 0
  if cursor_member ~= '' then
    local rank = redis.call(newest_first and 'ZREVRANK' or 'ZRANK', key, cursor_member)
    if rank then
      start = rank + 1
    elseif newest_first then
      start = redis.call('ZCOUNT', key, cursor_score, '+inf')
    else
      start = redis.call('ZCOUNT', key, '-inf', cursor_score)
    end
  end
  local range = newest_first and 'ZREVRANGE' or 'ZRANGE'
  local found = redis.call(range, key, start, start + scan_max - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local member, score = found[i], found[i + 1]
    if visit(member, tonumber(score)) == false then return score, member end
  end
  if #found < scan_max * 2 then return '', '' end
  return found[#found], found[#found - 1]
end
