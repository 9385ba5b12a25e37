-- Counters and histograms for operators. A histogram is the fields `<name>|<upper bound in ms>`,
-- each counting what fell between the bound before and its own, and `<name>|sum`. Calls to nodes are
-- counted as `calls|<verb>|<result>|<node>` and `late_calls|<node>`, and kept by node as `<verb>|<result>`
-- and `late_calls`: see batch.lua.
local BOUNDS_MS = { 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000 }

local function observe(name, ms)
  local bucket = '+Inf'
  for _, bound in ipairs(BOUNDS_MS) do
    if ms <= bound then
      bucket = bound
      break
    end
  end
  count_metric(name .. '|' .. bucket, 1)
  count_metric(name .. '|sum', ms)
end
