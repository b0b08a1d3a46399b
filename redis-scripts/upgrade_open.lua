#!lua
-- upgrade_open: gives a device a new upgrade in its first state, if there is a place free and it had no turn yet.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  max in flight   ARGV[3]  at_ms   ARGV[4]  instance   ARGV[5]  events to keep
-- ARGV[6]  on          ARGV[7]  why             ARGV[8]  1: alarm
-- ARGV[9]  kind learned of the device, '': none
-- then name and value of every field of the upgrade; required: upgrade_id rollout model version state attempt revision token
--
-- Returns {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- or {'REFUSED', why}. Nothing is written unless OK.
-- @include lib/counts.lua
-- @include lib/events.lua
-- @states
-- @include lib/settle.lua
-- @include lib/upgrade_fields.lua

local id = ARGV[1]
local now, wrong = upgrade_fields(10)
if not now then return redis.error_reply(wrong) end
local device, upgrade = KEYS[1] .. 'device:' .. id, KEYS[1] .. 'upgrade:' .. id
local rollout = KEYS[1] .. 'rollout:' .. now.rollout
local live = KEYS[2] .. 'rollout:' .. now.rollout .. ':live'

local was = redis.call('HMGET', upgrade, 'state', 'token', 'revision', 'last_event', 'model', 'upgrade_id')
if was[2] and was[2] == now.token and was[6] == now.upgrade_id then return { 'REPEAT', was[3], was[4] or '' } end
local state_was = was[1] or 'none'
if redis.call('HGET', rollout, 'state') ~= 'running' then return { 'REFUSED', 'the rollout does not run' } end
if redis.call('EXISTS', device) == 0 then return { 'REFUSED', 'the device is unknown' } end
if STATE_LIVE[state_was] then return { 'REFUSED', 'the device has a live upgrade' } end
if redis.call('SISMEMBER', KEYS[2] .. 'rollout:' .. now.rollout .. ':done', id) == 1 then
  return { 'REFUSED', 'the device had its turn' }
end
if not tonumber(ARGV[2]) then return redis.error_reply('ERR not a number: max in flight') end
local in_flight = redis.call('SCARD', live) - tonumber(redis.call('HGET', rollout, 'state:lost') or '0')
if in_flight >= tonumber(ARGV[2]) then return { 'REFUSED', 'no place free' } end

if state_was ~= 'none' then count(KEYS[1] .. 'model:' .. was[5], 'state:' .. state_was, -1) end
count(rollout, 'opened', 1)
settle(id, { state = 'none', attempt = '0', error = '' }, now, now.deadline_ms)
if state_was ~= 'none' and was[5] ~= now.model then forget_empty_model(was[5]) end

local event = { at_ms = ARGV[3], kind = 'move', device = id, model = now.model, rollout = now.rollout, upgrade = now.upgrade_id,
  from = 'none', to = now.state, on = ARGV[6], attempt = now.attempt, revision = now.revision, version = now.version,
  error = now.error, why = ARGV[7], prev = redis.call('HGET', device, 'last_event'), instance = ARGV[4] }
local last = event_add(ARGV[5], event)
if ARGV[8] == '1' then
  event.kind, event.prev = 'alarm', last
  last = event_add(ARGV[5], event)
end
redis.call('HSET', device, 'last_event', last)
if ARGV[9] ~= '' then redis.call('HSET', device, 'kind', ARGV[9]) end
redis.call('DEL', upgrade)
redis.call('HSET', upgrade, unpack(ARGV, 10))
redis.call('HSET', upgrade, 'last_event', last)
return { 'OK', now.revision, last }
