#!lua
-- device_online: an online message or last will. One that is older than the device's newest heartbeat turns nothing off, and
-- one of a device that was swept turns nothing on: its next heartbeat does.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  1 or 0   ARGV[3]  at_ms
-- Returns 1 when it changed something, else 0.
-- @include lib/counts.lua
-- @include lib/on.lua
-- @include lib/online.lua

local key = KEYS[1] .. 'device:' .. ARGV[1]
local had = redis.call('HMGET', key, 'online', 'model', 'version')
if not had[2] or had[1] == ARGV[2] then return 0 end
local seen = tonumber(redis.call('ZSCORE', KEYS[1] .. 'seen', ARGV[1]) or '0')
if ARGV[2] == '1' then
  if seen <= tonumber(redis.call('HGET', KEYS[2] .. 'sweep', 'offline_ms') or '0') then return 0 end
elseif tonumber(ARGV[3]) < seen then
  return 0
end
set_online(key, had[2], had[3], ARGV[2] == '1')
return 1
