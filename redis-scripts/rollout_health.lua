#!lua
-- rollout_health: how the devices of a model fare that run a rollout's version, against all others of it: `drover:priv:rollout:<r>:health` is
-- brought up to date and returned. It begins anew with `since`: what is offline or unhealthy then is noted, reboots and time are counted from there.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  its model   ARGV[3]  its version   ARGV[4]  since, ms   ARGV[5]  at_ms   ARGV[6]  most versions to look at
-- ARGV[7]  how long it is kept, ms
--
-- Returns the hash. For each group (updated, control): <group>:devices, offline, unhealthy: now; <group>:offline_before, unhealthy_before: when it
-- began; <group>:reboots, device_ms: since. seen:<version>: reboots as read last.

for i = 4, 7 do
  if not tonumber(ARGV[i]) then return redis.error_reply('ERR rollout_health: not a number: argument ' .. i) end
end
local model, target, at_ms = KEYS[1] .. 'model:' .. ARGV[2], ARGV[3], tonumber(ARGV[5])
local key = KEYS[2] .. 'rollout:' .. ARGV[1] .. ':health'

local function pairs_of(flat)
  local result = {}
  for i = 1, #flat, 2 do result[flat[i]] = flat[i + 1] end
  return result
end

local had = pairs_of(redis.call('HGETALL', key))
local anew = had.since ~= ARGV[4]
local new = { since = ARGV[4], at_ms = ARGV[5] }
local groups = { updated = { devices = 0, offline = 0, unhealthy = 0, reboots = 0 }, control = { devices = 0, offline = 0, unhealthy = 0, reboots = 0 } }

local function add(version)
  local on = redis.call('HMGET', model .. ':on:' .. version, 'devices', 'online', 'unhealthy', 'reboots')
  local group, devices, reboots = groups[version == target and 'updated' or 'control'], tonumber(on[1] or '0'), tonumber(on[4] or '0')
  local seen = anew and reboots or tonumber(had['seen:' .. version] or '0')
  group.devices = group.devices + devices
  group.offline = group.offline + devices - tonumber(on[2] or '0')
  group.unhealthy = group.unhealthy + tonumber(on[3] or '0')
  group.reboots = group.reboots + (reboots >= seen and reboots - seen or reboots)   -- fewer: all devices had left it, and some came
  new['seen:' .. version] = on[4] or '0'
end

local looked = 0
add(target)
for _, name in ipairs(redis.call('HKEYS', model)) do
  local version = string.match(name, '^version:(.+)$')
  if version and version ~= target and looked < tonumber(ARGV[6]) then
    looked = looked + 1
    add(version)
  end
end

local function kept(name) return anew and 0 or tonumber(had[name] or '0') end
for name, group in pairs(groups) do
  local passed_ms = anew and 0 or math.max(0, at_ms - tonumber(had.at_ms))
  local fields = {
    devices = group.devices, offline = group.offline, unhealthy = group.unhealthy,
    offline_before = anew and group.offline or kept(name .. ':offline_before'),
    unhealthy_before = anew and group.unhealthy or kept(name .. ':unhealthy_before'),
    reboots = kept(name .. ':reboots') + group.reboots,
    device_ms = kept(name .. ':device_ms') + group.devices * passed_ms,
  }
  for field, value in pairs(fields) do new[name .. ':' .. field] = string.format('%.0f', value) end
end

local flat = {}
for name, value in pairs(new) do
  flat[#flat + 1] = name
  flat[#flat + 1] = value
end
redis.call('DEL', key)
redis.call('HSET', key, unpack(flat))
redis.call('PEXPIRE', key, ARGV[7])
return flat
