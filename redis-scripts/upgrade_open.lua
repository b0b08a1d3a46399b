#!lua
-- upgrade_open: gives a device a new upgrade in its first state, if there is a place free and it had no turn yet.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  max in flight   ARGV[3]  at_ms   ARGV[4]  instance   ARGV[5]  events to keep
-- ARGV[6]  on          ARGV[7]  why             ARGV[8]  plan_revision of the rollout that it was decided by, 0: a flat one
-- ARGV[9]  what few have, '': this one has none of it; else JSON, of
--   alarm      an alarm's entry, too                       kind        learned of the device
--   stage_max  most to open in its stage, or in its stratum of the stage                   stratum     its stratum
--   per_site   most in flight for its site                 per_minute  most to open in a minute
--   bytes      most devices that may hold bytes of the package
-- then name and value of every field of the upgrade; required: upgrade_id rollout model version state attempt revision token
--
-- Returns {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- {'REFUSED', why}, or {'FULL', why}: a limit, for now. Nothing is written unless OK.
-- @include lib/counts.lua
-- @include lib/events.lua
-- @include lib/facts.lua
-- @states
-- @include lib/limits.lua
-- @include lib/settle.lua
-- @include lib/upgrade_fields.lua

local FIELDS = 10
local call = redis.call
local id, max_in_flight, at_ms, keep, plan_revision = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[5], ARGV[8]
local now, wrong = upgrade_fields(FIELDS)
if not now then return redis.error_reply(wrong) end
if not (max_in_flight and tonumber(at_ms) and tonumber(plan_revision)) then return redis.error_reply('ERR not a number: argument 2, 3 or 8') end
local device, upgrade, rollout = KEYS[1] .. 'device:' .. id, KEYS[1] .. 'upgrade:' .. id, KEYS[1] .. 'rollout:' .. now.rollout

local was = call('HMGET', upgrade, 'state', 'token', 'revision', 'last_event', 'model', 'upgrade_id')
if was[2] and was[2] == now.token and was[6] == now.upgrade_id then return { 'REPEAT', was[3], was[4] or '' } end
local state_was = was[1] or 'none'
if is_stopped() then return { 'REFUSED', 'all rollouts are stopped' } end
local at = call('HMGET', rollout, 'state', 'plan_revision', 'state:lost', 'state:held')
if at[1] ~= 'running' and at[1] ~= 'completed' then return { 'REFUSED', 'the rollout does not run' } end
local had = call('HMGET', device, 'facts', 'last_event')
if not had[1] then return { 'REFUSED', 'the device is unknown' } end
if is_live(state_was) then return { 'REFUSED', 'the device has a live upgrade' } end
if call('SISMEMBER', KEYS[2] .. 'rollout:' .. now.rollout .. ':done', id) == 1 then
  return { 'REFUSED', 'the device had its turn' }
end
if (at[2] or '0') ~= plan_revision then return { 'FULL', 'the plan was edited' } end
if in_flight_but(now.rollout, at[3], at[4]) >= max_in_flight then return { 'FULL', 'no place free' } end
local more = ARGV[9] ~= '' and cjson.decode(ARGV[9]) or {}
local stage = now.stage and rollout .. ':stage:' .. now.stage
local taken = more.stratum and 'opened@' .. more.stratum or 'opened'
if stage and more.stage_max and tonumber(call('HGET', stage, taken) or '0') >= more.stage_max then
  return { 'REFUSED', 'its stage has enough devices' }
end
if site_full(now.rollout, now.site, more.per_site) then return { 'FULL', 'no place free at its site' } end
if bytes_full(now.rollout, more.bytes) then return { 'FULL', 'as many bytes as allowed are being downloaded' } end
if more.per_minute and not pace_take(now.rollout, more.per_minute, at_ms) then return { 'FULL', 'as many a minute as allowed' } end

if state_was ~= 'none' then
  -- @include lib/models.lua
  count(KEYS[1] .. 'model:' .. was[5], 'state:' .. state_was, '-1')
  if was[5] ~= now.model then forget_empty_model(was[5]) end
  call('DEL', upgrade)
end
count(rollout, 'opened', '1')
if stage then
  count(stage, 'opened', '1')
  if more.stratum then count(stage, taken, '1') end
end
local marker = settle(id, now.rollout, now.model, now.stage, now.site, 'none', now.state, '0', now.attempt, '', now.error, now.deadline_ms, at_ms, had[1])

local facts = {}
for _, name in ipairs({ 'from_version', 'via', 'site' }) do
  if (now[name] or '') ~= '' then
    facts[#facts + 1] = name
    facts[#facts + 1] = now[name]
  end
end
local event = { at_ms = at_ms, kind = 'move', device = id, model = now.model, rollout = now.rollout, upgrade = now.upgrade_id,
  from = 'none', to = now.state, on = ARGV[6], attempt = now.attempt, revision = now.revision, version = now.version,
  error = now.error, why = ARGV[7], prev = had[2], instance = ARGV[4], stage = now.stage,
  facts = facts_of(facts, nil, nil, stage and more.stratum) }
local last = event_add(keep, event)
if more.alarm then
  event.kind, event.prev, event.facts = 'alarm', last, nil
  last = event_add(keep, event)
end
call('HSET', device, 'state', now.state, 'attempt', now.attempt, 'rollout', now.rollout, 'upgrade', now.upgrade_id, 'from_version', now.from_version,
  'target', now.version, 'last_event', last)
if marker then call('HSET', device, 'facts', marker) end
if more.kind then call('HSET', device, 'kind', more.kind) end
call('ZREM', KEYS[2] .. 'rollout:' .. now.rollout .. ':queue', id)
call('ZREM', KEYS[2] .. 'rollout:' .. now.rollout .. ':turns', id)
ARGV[#ARGV + 1] = 'last_event'
ARGV[#ARGV + 1] = last
call('HSET', upgrade, unpack(ARGV, FIELDS))
return { 'OK', now.revision, last }
