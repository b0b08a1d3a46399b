-- online: turns a device on or off in its record and in the counts of fleet, model and version. Includes counts and on.
-- Going offline spoils `facts`, so that the next heartbeat comes in its long form and turns it on again.
local function set_online(key, model, version, online)
  local by = online and '1' or '-1'
  if online then
    redis.call('HSET', key, 'online', '1')
  else
    redis.call('HSET', key, 'online', '0', 'facts', '0')
  end
  count(KEYS[1] .. 'fleet', 'online', by)
  count(KEYS[1] .. 'model:' .. model, 'online', by)
  on_count(model, version, 'online', by)
end
