#!lua
-- queue_take: the first in a rollout's line have their turn, leased: nobody else gets them until the lease ends. They stay in line until they are
-- opened (upgrade_open) or leave (queue_wait).
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  now_ms   ARGV[3]  lease_ms   ARGV[4]  most to take
-- Returns for each: device id, device's fields, upgrade's fields, last seen.
-- @include lib/line.lua
-- @include lib/load.lua

local of = KEYS[2] .. 'rollout:' .. ARGV[1]
local queue, turns, result, taken = of .. ':queue', of .. ':turns', {}, 0
local max, until_ms = tonumber(ARGV[4]), string.format('%.0f', tonumber(ARGV[2]) + tonumber(ARGV[3]))
redis.call('ZREMRANGEBYSCORE', turns, '-inf', ARGV[2])
redis.call('ZREMRANGEBYSCORE', turns, string.format('%.0f', tonumber(until_ms) + 60000), '+inf')   -- of before the clock was set back
for _, id in ipairs(redis.call('ZRANGE', queue, 0, max + redis.call('ZCARD', turns) - 1)) do
  if taken == max then break end
  if not redis.call('ZSCORE', turns, id) then
    if upgrade_in(of, id) == 'live' or redis.call('SISMEMBER', of .. ':done', id) == 1 or
      redis.call('EXISTS', KEYS[1] .. 'device:' .. id) == 0 then
      redis.call('ZREM', queue, id)
    else
      redis.call('ZADD', turns, until_ms, id)
      result[#result + 1] = id
      load(result, id)
      taken = taken + 1
    end
  end
end
return result
