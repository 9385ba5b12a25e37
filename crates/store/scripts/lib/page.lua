-- Pages of a sorted set that is scored by time. A cursor is the score and the member that the last
-- page ended with. The next page goes on after both, whether that member is still there or not, or has
-- another score by now: no other member is passed over.
local HALVINGS_MAX = 64 -- more than any number of members takes

-- Whether `one` comes after `other` among members of one score. Redis compares their bytes; Lua's own
-- order would be that of a language.
local function is_after(one, other)
  for i = 1, math.min(#one, #other) do
    local byte, other_byte = one:byte(i), other:byte(i)
    if byte ~= other_byte then return byte > other_byte end
  end
  return #one > #other
end

-- Whether a member comes after another, each with its score.
local function is_later(score, member, other_score, other)
  score, other_score = tonumber(score), tonumber(other_score)
  return score > other_score or (score == other_score and is_after(member, other))
end

-- How many members come before a cursor or are at it, lowest first, without the one at it if `short_of`.
local function rank_of_cursor(key, score, member, short_of)
  local from = redis.call('ZCOUNT', key, '-inf', '(' .. score)
  local to = redis.call('ZCOUNT', key, '-inf', score)
  for _ = 1, HALVINGS_MAX do
    if from >= to then break end
    local middle = math.floor((from + to) / 2)
    local found = redis.call('ZRANGE', key, middle, middle)[1]
    if is_after(found, member) or (short_of and found == member) then to = middle else from = middle + 1 end
  end
  return from
end

-- Calls `visit(member, score)` for members after the cursor, in order, until it returns false or
-- `scan_max` were visited, or until it returns 'end': then there is no next page. With `below`, which is
-- for the newest first, begins with members of a lower score when there is no cursor. Returns the cursor of
-- the next page as two values, '' and '' at the end.
local function scan(key, newest_first, cursor_score, cursor_member, scan_max, visit, below)
  local start = 0
  if cursor_member ~= '' then
    start = rank_of_cursor(key, cursor_score, cursor_member, newest_first)
    if newest_first then start = redis.call('ZCARD', key) - start end
  elseif below then
    start = redis.call('ZCOUNT', key, below, '+inf')
  end
  local range = newest_first and 'ZREVRANGE' or 'ZRANGE'
  local found = redis.call(range, key, start, start + scan_max - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local member, score = found[i], found[i + 1]
    local goes_on = visit(member, tonumber(score))
    if goes_on == 'end' then return '', '' end
    if goes_on == false then return score, member end
  end
  if #found < scan_max * 2 then return '', '' end
  return found[#found], found[#found - 1]
end
