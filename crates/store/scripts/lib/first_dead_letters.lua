-- Dead letters of 0.1.0 by their task, which they name in their ids only.
local NODES_MAX = 1000 -- of one task

local function first_dead_letters_of(task)
  local ids, keys, found = { task .. '-record' }, {}, {}
  for node = 0, NODES_MAX - 1 do ids[#ids + 1] = task .. '-' .. node end
  for i, id in ipairs(ids) do keys[i] = dead_letter_key(id) end
  if redis.call('EXISTS', unpack(keys)) == 0 then return found end
  for i, id in ipairs(ids) do
    if redis.call('EXISTS', keys[i]) == 1 then found[#found + 1] = id end
  end
  return found
end
