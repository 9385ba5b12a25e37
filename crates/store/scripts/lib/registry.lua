-- The registry: what each node of a group is known to hold, in one character each. 0.1.0 wrote words,
-- which are still read.
local HELD_NAMES = { ['1'] = 'present', ['0'] = 'absent', ['?'] = 'unknown' }

-- `present`, `absent` or `unknown`.
local function held_name(held)
  return HELD_NAMES[held] or held
end

-- Records what nodes hold; a group that is gone everywhere is forgotten.
local function register(group, holdings)
  local key = group_key(group)
  local fields = {}
  local is_held = false
  for node, held in pairs(holdings) do
    fields[#fields + 1] = node
    fields[#fields + 1] = held
    is_held = is_held or held_name(held) ~= 'absent'
  end
  call_in_parts('HSET', key, fields)
  if not is_held then
    for _, held in ipairs(redis.call('HVALS', key)) do
      is_held = is_held or held_name(held) ~= 'absent'
    end
  end
  if not is_held then redis.call('DEL', key) end
  list_group(group, is_held)
end
