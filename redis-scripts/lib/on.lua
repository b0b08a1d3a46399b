-- on: what the devices of a model do on each version they run, `model:<m>:on:<version>`: devices, online, unhealthy, and reboots, which only
-- rises: boots that no upgrade explains. Gone with its last device. Includes counts.
local function on_count(model, version, field, by)
  count(KEYS[1] .. 'model:' .. model .. ':on:' .. version, field, by)
end

local function on_leave(model, version)
  local key = KEYS[1] .. 'model:' .. model .. ':on:' .. version
  if redis.call('HINCRBY', key, 'devices', -1) <= 0 then redis.call('DEL', key) end
end
