#!lua
-- upgrade_move: replaces an upgrade whose revision is still the expected one, and all that hangs on its state.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  expected revision   ARGV[3]  at_ms   ARGV[4]  instance   ARGV[5]  events to keep
-- ARGV[6]  on          ARGV[7]  why                 ARGV[8]  1: alarm                    ARGV[9]  1: silent, no move entry
-- ARGV[10] the state before   ARGV[11] kind learned of the device, '': none
-- ARGV[12] states that its rollout must be in, ",running,completed,", while nothing is stopped; '': whatever they do
-- ARGV[13] most live upgrades of its rollout, when this makes one more, 0: any   ARGV[14] most of such moves and opens in a minute, 0: any
-- ARGV[15] the device is kept from this version until then, 0: it is not, -1: not any more
-- then name and value of every field of the upgrade; required: upgrade_id rollout model version state attempt revision token
--
-- Returns {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- {'CONFLICT'}, {'REFUSED', why} (the rollout is in another state), or {'FULL', why}: a limit, for now. Nothing is written unless OK.
-- @include lib/counts.lua
-- @include lib/events.lua
-- @include lib/limits.lua
-- @states
-- @include lib/settle.lua
-- @include lib/upgrade_fields.lua

local id = ARGV[1]
local now, wrong = upgrade_fields(16)
if not now then return redis.error_reply(wrong) end
local device, upgrade = KEYS[1] .. 'device:' .. id, KEYS[1] .. 'upgrade:' .. id

local had = redis.call('HMGET', upgrade, 'state', 'token', 'revision', 'last_event', 'upgrade_id', 'rollout', 'model', 'attempt', 'error', 'stage', 'site')
if not had[1] or had[5] ~= now.upgrade_id then return { 'CONFLICT' } end
if had[3] == now.revision and had[2] == now.token then return { 'REPEAT', had[3], had[4] or '' } end
if had[3] ~= ARGV[2] or had[1] ~= ARGV[10] then return { 'CONFLICT' } end
for _, i in ipairs({ 3, 13, 14, 15 }) do
  if not tonumber(ARGV[i]) then return redis.error_reply('ERR not a number: argument ' .. i) end
end
if ARGV[12] ~= '' then
  local state = redis.call('HGET', KEYS[1] .. 'rollout:' .. had[6], 'state') or ''
  if is_stopped() then return { 'REFUSED', 'all rollouts are stopped' } end
  if not string.find(ARGV[12], ',' .. state .. ',', 1, true) then return { 'REFUSED', 'its rollout is ' .. state } end
end
if ARGV[13] ~= '0' and in_flight(had[6]) >= tonumber(ARGV[13]) then return { 'FULL', 'no place free' } end
if ARGV[14] ~= '0' and not pace_take(had[6], ARGV[14], ARGV[3]) then return { 'FULL', 'as many a minute as allowed' } end

now.rollout, now.model, now.stage, now.site = had[6], had[7], had[10] or nil, had[11] or nil
local last = redis.call('HGET', device, 'last_event') or ''
local event = { at_ms = ARGV[3], kind = 'move', device = id, model = now.model, rollout = now.rollout, upgrade = now.upgrade_id,
  from = had[1], to = now.state, on = ARGV[6], attempt = now.attempt, revision = now.revision, version = now.version,
  error = now.error, why = ARGV[7], prev = last, instance = ARGV[4], stage = now.stage }
settle(id, { state = had[1], attempt = had[8] or '0', error = had[9] or '' }, now, now.deadline_ms, ARGV[3])
if ARGV[9] ~= '1' then
  last = event_add(ARGV[5], event)
end
if ARGV[8] == '1' then
  event.kind, event.prev = 'alarm', last
  last = event_add(ARGV[5], event)
end
redis.call('DEL', upgrade)
redis.call('HSET', upgrade, unpack(ARGV, 16))
if last ~= '' then
  redis.call('HSET', upgrade, 'last_event', last)
  redis.call('HSET', device, 'last_event', last)
end
if ARGV[11] ~= '' then redis.call('HSET', device, 'kind', ARGV[11]) end
if ARGV[15] == '-1' then
  redis.call('HDEL', device, 'quarantine', 'quarantine_ms', 'quarantine_auto')
elseif ARGV[15] ~= '0' then
  redis.call('HSET', device, 'quarantine', now.version, 'quarantine_ms', ARGV[15], 'quarantine_auto', '1')
end
return { 'OK', now.revision, last }
