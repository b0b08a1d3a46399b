-- counts: exact counters in hashes. A count that falls to 0 is removed, so that versions and states of the past leave nothing behind.
-- by is said as text, '1' or '-1': Redis writes a number as a fraction first, which costs half as much as the count itself.
local function count(key, field, by)
  if redis.call('HINCRBY', key, field, by) == 0 then
    redis.call('HDEL', key, field)
  end
end
