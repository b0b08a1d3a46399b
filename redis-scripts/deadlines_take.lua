#!lua
-- deadlines_take: upgrades whose deadline has passed, leased: they are due again when the lease ends, unless they were moved.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  now_ms   ARGV[2]  lease_ms   ARGV[3]  most to take
-- Returns for each: device id, device's fields, upgrade's fields, last seen.
-- @include lib/load.lua
-- @states

local deadlines = KEYS[2] .. 'deadlines'
local until_ms = string.format('%.0f', tonumber(ARGV[1]) + tonumber(ARGV[2]))
local result = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', deadlines, '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
  if is_live(redis.call('HGET', KEYS[1] .. 'upgrade:' .. id, 'state')) then
    redis.call('ZADD', deadlines, until_ms, id)
    result[#result + 1] = id
    load(result, id)
  else
    redis.call('ZREM', deadlines, id)
  end
end
return result
