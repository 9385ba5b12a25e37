-- What a list tells of a task beside its fields: read out of its record, which is JSON, by its text, for
-- that costs less than decoding it. A quote within a JSON string is escaped, so that none of these texts
-- can be part of one.

local PHASES = { PENDING = 'queued', REVOKED = 'cancelled' }

-- The phase; '' when the record is damaged. Its beginning is enough.
local function phase_of(state, record)
  local phase = PHASES[state] or record:match('^{"v":%d+,"p":"([%w_]+)"')
    or record:match('[{,]"phase":"([%w_]+)"') or ''
  -- A worker has just taken it, and has stored nothing yet.
  if state == 'STARTED' and phase == 'queued' then return 'forward' end
  return phase
end

-- The position of the first quote from `at` on that ends a JSON string.
local function end_of_string(text, at)
  while true do
    local found = text:find('["\\]', at)
    if not found or text:sub(found, found) == '"' then return found end
    at = found + 2
  end
end

-- Why the task turned back, as a JSON string; '' when it did not. Of the fields called `e`, the task's own
-- follows the list of its nodes or its policy; 0.1.0 called it `error`.
local function error_of(record)
  local _, from = record:find('[%]}],"e":"')
  if not from then _, from = record:find(',"error":"', 1, true) end
  local to = from and end_of_string(record, from + 1)
  return to and record:sub(from, to) or ''
end
