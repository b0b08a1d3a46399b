-- counts: exact counters in hashes. A count that falls to 0 is removed, so that versions and states of the past leave nothing behind.
-- by is UP or DOWN, as text: Redis writes a number as a fraction first, which costs half as much as the count itself.
local UP, DOWN = '1', '-1'
local function count(key, field, by)
  if redis.call('HINCRBY', key, field, by) == 0 then
    redis.call('HDEL', key, field)
  end
end

-- They are written already: lib/counts_later.lua.
local function counts_write() end
