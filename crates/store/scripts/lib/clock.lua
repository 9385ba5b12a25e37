-- The time, in milliseconds since the epoch. Redis's clock is the only one scripts go by.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The same as text, for what stores it more than once: Redis words a number anew each time it is given
-- one, which takes longer than many a command.
local now_text = string.format('%.0f', now)
