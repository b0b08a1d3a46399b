-- counts: exact counters in hashes. A count that falls to 0 is removed, so that versions and states of the past leave nothing behind.
local function count(key, field, by)
  if redis.call('HINCRBY', key, field, by) == 0 then
    redis.call('HDEL', key, field)
  end
end
