#!lua
-- live_take: the next live upgrades of a rollout, part by part; after one whole round nothing for lease_ms. Two instances that
-- ask get different parts.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  lease_ms   ARGV[3]  most to take
-- Returns for each: device id, device's fields, upgrade's fields, last seen.
-- @include lib/load.lua

local live, turn = KEYS[2] .. 'rollout:' .. ARGV[1] .. ':live', KEYS[2] .. 'rollout:' .. ARGV[1] .. ':turn'
local at = redis.call('GET', turn) or '0:0'        -- "<cursor>:<members of that step taken already>", or "-": the round is over
if at == '-' then return {} end
local cursor, skip = string.match(at, '^(%d+):(%d+)$')
local max, result = tonumber(ARGV[3]), {}
local step = redis.call('SSCAN', live, cursor, 'COUNT', max)
local ids, last = step[2], tonumber(skip) + max
for i = tonumber(skip) + 1, math.min(#ids, last) do
  result[#result + 1] = ids[i]
  load(result, ids[i])
end
if #ids > last then
  redis.call('SET', turn, cursor .. ':' .. string.format('%.0f', last), 'PX', ARGV[2])
elseif step[1] ~= '0' then
  redis.call('SET', turn, step[1] .. ':0', 'PX', ARGV[2])
else
  redis.call('SET', turn, '-', 'PX', ARGV[2])
end
return result
