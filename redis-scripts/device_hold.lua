#!lua
-- device_hold: an operator keeps a device from a version or from a rollout, or lifts that.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  quarantine, readmit, exclude or include   ARGV[3]  version of quarantine; id of the rollout of exclude and include
-- ARGV[4]  quarantine: until, 0: until it is lifted   ARGV[5]  at_ms   ARGV[6]  why, with who   ARGV[7]  instance   ARGV[8]  events to keep
-- ARGV[9]  who does it (lib/audit.lua)
--
-- Who is excluded counts as having had his turn (the done set), so that no other script need know. Included again, a device whose upgrade in this
-- rollout was cancelled still had it; rollout retry gives it another one.
-- Returns {'OK'}, {'NOT_FOUND', 'device' or 'rollout'}, or {'REFUSED', why}.
-- @include lib/audit.lua
-- @include lib/events.lua

local id, what, name, until_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local device = KEYS[1] .. 'device:' .. id
if not (tonumber(until_ms) and tonumber(ARGV[5])) then return redis.error_reply('ERR device_hold: not a number') end
local had = redis.call('HMGET', device, 'model', 'quarantine', 'excluded', 'last_event')
if not had[1] then return { 'NOT_FOUND', 'device' } end

-- The device's own record names one rollout: another one that it is still excluded from, or none.
local function excluded_elsewhere()
  for _, other in ipairs(redis.call('SUNION', KEYS[2] .. 'running', KEYS[2] .. 'waiting')) do
    if redis.call('ZSCORE', KEYS[1] .. 'rollout:' .. other .. ':excluded', id) then return redis.call('HSET', device, 'excluded', other) end
  end
  redis.call('HDEL', device, 'excluded')
end

local event = { at_ms = ARGV[5], kind = 'audit', device = id, model = had[1], on = what, why = ARGV[6], prev = had[4], instance = ARGV[7] }
if what == 'quarantine' then
  event.version = name
  redis.call('HSET', device, 'quarantine', name, 'quarantine_ms', until_ms)
  redis.call('HDEL', device, 'quarantine_auto')
elseif what == 'readmit' then
  if not had[2] then return { 'REFUSED', 'it is not in quarantine' } end
  event.version = had[2]
  redis.call('HDEL', device, 'quarantine', 'quarantine_ms', 'quarantine_auto')
elseif what == 'exclude' or what == 'include' then
  local rollout = redis.call('HMGET', KEYS[1] .. 'rollout:' .. name, 'state', 'model', 'version')
  local ended = { cancelled = true, superseded = true, rolled_back = true }
  if not rollout[1] then return { 'NOT_FOUND', 'rollout' } end
  if ended[rollout[1]] then return { 'REFUSED', 'the rollout is over' } end
  local upgrade = redis.call('HMGET', KEYS[1] .. 'upgrade:' .. id, 'rollout', 'state')
  local done, excluded = KEYS[2] .. 'rollout:' .. name .. ':done', KEYS[1] .. 'rollout:' .. name .. ':excluded'
  event.rollout, event.version = name, rollout[3]
  if what == 'exclude' then
    redis.call('HSET', device, 'excluded', name)
    redis.call('ZADD', excluded, ARGV[5], id)
    redis.call('HSET', excluded .. ':why', id, ARGV[6])
    if redis.call('SISMEMBER', KEYS[2] .. 'rollout:' .. name .. ':live', id) == 0 then redis.call('SADD', done, id) end
  else
    if redis.call('ZREM', excluded, id) == 0 then return { 'REFUSED', 'it is not excluded' } end
    redis.call('HDEL', excluded .. ':why', id)
    if had[3] == name then excluded_elsewhere() end
    if upgrade[1] ~= name then redis.call('SREM', done, id) end
  end
else
  return redis.error_reply('ERR device_hold: no such order')
end
local last = event_add(ARGV[8], event)
redis.call('HSET', device, 'last_event', last)
if redis.call('EXISTS', KEYS[1] .. 'upgrade:' .. id) == 1 then redis.call('HSET', KEYS[1] .. 'upgrade:' .. id, 'last_event', last) end
-- what is held against it may be news for a device that says nothing new: look at it once more
local facts = redis.call('HGET', device, 'facts') or '0'
if string.find(facts, '^%-?%d') and facts ~= '0' then redis.call('HSET', device, 'facts', 'N' .. facts) end
audit_add(ARGV[9], { at_ms = ARGV[5], instance = ARGV[7], target = id, before = had[2] and 'quarantine ' .. had[2] or had[3] and 'excluded ' .. had[3],
  after = what .. ' ' .. (event.version or '') .. (event.rollout and ' in ' .. event.rollout or '') })
return { 'OK' }
