#!lua flags=no-writes
-- device_history: a device's events, newest first, by the chain of `prev` ids, as far as the stream still holds them.
--
-- KEYS[1]  prefix of readers' keys      ARGV[1]  device id   ARGV[2]  most of them
-- Returns for each: entry id, its fields (flat); nil when the device is unknown.

local result = {}
local key = KEYS[1] .. 'device:' .. ARGV[1]
if redis.call('EXISTS', key) == 0 then return false end
local id = redis.call('HGET', key, 'last_event')
while id and id ~= '-' and #result < 2 * tonumber(ARGV[2]) do
  local entry = redis.call('XRANGE', KEYS[1] .. 'events', id, id)[1]
  if not entry then break end
  result[#result + 1] = entry[1]
  result[#result + 1] = entry[2]
  id = nil
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'prev' then id = entry[2][i + 1] end
  end
end
return result
