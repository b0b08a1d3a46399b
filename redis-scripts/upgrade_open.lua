#!lua
-- upgrade_open: gives a device a new upgrade in its first state, if there is a place free and it had no turn yet.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  max in flight   ARGV[3]  at_ms   ARGV[4]  instance   ARGV[5]  events to keep
-- ARGV[6]  on          ARGV[7]  why             ARGV[8]  1: alarm
-- ARGV[9]  kind learned of the device, '': none
-- ARGV[10] most to open in its stage (in its stratum of the stage), 0: any   ARGV[11] its stratum, '': none
-- ARGV[12] most in flight for its site, 0: any    ARGV[13] most to open in a minute, 0: any
-- ARGV[14] most devices that may hold bytes of the package, 0: any
-- ARGV[15] plan_revision of the rollout that it was decided by, 0: a flat one
-- then name and value of every field of the upgrade; required: upgrade_id rollout model version state attempt revision token
--
-- Returns {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- {'REFUSED', why}, or {'FULL', why}: a limit, for now. Nothing is written unless OK.
-- @include lib/counts.lua
-- @include lib/events.lua
-- @include lib/facts.lua
-- @include lib/limits.lua
-- @states
-- @include lib/settle.lua
-- @include lib/upgrade_fields.lua

local id = ARGV[1]
local now, wrong = upgrade_fields(16)
if not now then return redis.error_reply(wrong) end
local device, upgrade = KEYS[1] .. 'device:' .. id, KEYS[1] .. 'upgrade:' .. id
local rollout = KEYS[1] .. 'rollout:' .. now.rollout

local was = redis.call('HMGET', upgrade, 'state', 'token', 'revision', 'last_event', 'model', 'upgrade_id')
if was[2] and was[2] == now.token and was[6] == now.upgrade_id then return { 'REPEAT', was[3], was[4] or '' } end
local state_was = was[1] or 'none'
if is_stopped() then return { 'REFUSED', 'all rollouts are stopped' } end
local at = redis.call('HMGET', rollout, 'state', 'plan_revision', 'state:lost', 'state:held')
if at[1] ~= 'running' and at[1] ~= 'completed' then return { 'REFUSED', 'the rollout does not run' } end
if redis.call('EXISTS', device) == 0 then return { 'REFUSED', 'the device is unknown' } end
if STATE_LIVE[state_was] then return { 'REFUSED', 'the device has a live upgrade' } end
if redis.call('SISMEMBER', KEYS[2] .. 'rollout:' .. now.rollout .. ':done', id) == 1 then
  return { 'REFUSED', 'the device had its turn' }
end
for _, i in ipairs({ 2, 3, 10, 12, 13, 14, 15 }) do
  if not tonumber(ARGV[i]) then return redis.error_reply('ERR not a number: argument ' .. i) end
end
if (at[2] or '0') ~= ARGV[15] then return { 'FULL', 'the plan was edited' } end
if in_flight_but(now.rollout, at[3], at[4]) >= tonumber(ARGV[2]) then return { 'FULL', 'no place free' } end
local stage = now.stage and rollout .. ':stage:' .. now.stage
local taken = stage and 'opened' .. (ARGV[11] ~= '' and '@' .. ARGV[11] or '')
if stage and ARGV[10] ~= '0' and tonumber(redis.call('HGET', stage, taken) or '0') >= tonumber(ARGV[10]) then
  return { 'REFUSED', 'its stage has enough devices' }
end
if site_full(now.rollout, now.site, ARGV[12]) then return { 'FULL', 'no place free at its site' } end
if bytes_full(now.rollout, ARGV[14]) then return { 'FULL', 'as many bytes as allowed are being downloaded' } end
if ARGV[13] ~= '0' and not pace_take(now.rollout, ARGV[13], ARGV[3]) then return { 'FULL', 'as many a minute as allowed' } end

if state_was ~= 'none' then count(KEYS[1] .. 'model:' .. was[5], 'state:' .. state_was, -1) end
count(rollout, 'opened', 1)
if stage then
  count(stage, 'opened', 1)
  if ARGV[11] ~= '' then count(stage, taken, 1) end
end
local had = redis.call('HMGET', device, 'facts', 'last_event')
local shown = settle(id, { state = 'none', attempt = '0', error = '' }, now, now.deadline_ms, ARGV[3], had[1])
if state_was ~= 'none' and was[5] ~= now.model then forget_empty_model(was[5]) end

local facts = {}
for _, name in ipairs({ 'from_version', 'via', 'site' }) do
  if (now[name] or '') ~= '' then
    facts[#facts + 1] = name
    facts[#facts + 1] = now[name]
  end
end
local event = { at_ms = ARGV[3], kind = 'move', device = id, model = now.model, rollout = now.rollout, upgrade = now.upgrade_id,
  from = 'none', to = now.state, on = ARGV[6], attempt = now.attempt, revision = now.revision, version = now.version,
  error = now.error, why = ARGV[7], prev = had[2], instance = ARGV[4], stage = now.stage,
  facts = facts_of(facts, nil, nil, stage and ARGV[11]) }
local last = event_add(ARGV[5], event)
if ARGV[8] == '1' then
  event.kind, event.prev, event.facts = 'alarm', last, nil
  last = event_add(ARGV[5], event)
end
shown[#shown + 1] = 'last_event'
shown[#shown + 1] = last
if ARGV[9] ~= '' then
  shown[#shown + 1] = 'kind'
  shown[#shown + 1] = ARGV[9]
end
redis.call('HSET', device, unpack(shown))
redis.call('ZREM', KEYS[2] .. 'rollout:' .. now.rollout .. ':queue', id)
redis.call('ZREM', KEYS[2] .. 'rollout:' .. now.rollout .. ':turns', id)
if was[1] then redis.call('DEL', upgrade) end
ARGV[#ARGV + 1] = 'last_event'
ARGV[#ARGV + 1] = last
redis.call('HSET', upgrade, unpack(ARGV, 16))
return { 'OK', now.revision, last }
