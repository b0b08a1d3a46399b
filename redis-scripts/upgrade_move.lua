#!lua
-- upgrade_move: replaces an upgrade whose revision is still the expected one, and all that hangs on its state.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  expected revision   ARGV[3]  at_ms   ARGV[4]  instance   ARGV[5]  events to keep
-- ARGV[6]  on          ARGV[7]  why                 ARGV[8]  1: alarm                    ARGV[9]  1: silent, no move entry
-- ARGV[10] the state before   ARGV[11] kind learned of the device, '': none
-- ARGV[12] states that its rollout must be in, ",running,completed,", while nothing is stopped; '': whatever they do
-- ARGV[13] most upgrades of its rollout that hold a place, when this makes one more; when it holds one already, most that are going back; 0: any
-- ARGV[14] most of such moves and opens in a minute, 0: any
-- ARGV[15] the device is kept from this version until then, 0: it is not, -1: not any more
-- ARGV[16] most that hold a place at its site, 0: any   ARGV[17] most devices that may hold bytes of the package, 0: any
-- then name and value of every field of the upgrade that is another than before, '' for one that is gone; required: upgrade_id state
-- attempt revision token. Its rollout, model, version, site and stage never change.
--
-- Returns {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- {'CONFLICT'}, {'REFUSED', why} (the rollout is in another state), or {'FULL', why}: a limit, for now. Nothing is written unless OK.
-- @include lib/counts.lua
-- @include lib/events.lua
-- @states
-- @include lib/limits.lua
-- @include lib/settle.lua

local id, first = ARGV[1], 18
local changed, gone = {}, {}
if (#ARGV - first) % 2 ~= 1 then return redis.error_reply('ERR fields come in pairs') end
for i = first, #ARGV, 2 do
  changed[ARGV[i]] = ARGV[i + 1]
  if ARGV[i + 1] == '' and ARGV[i] ~= 'last_event' then gone[#gone + 1] = ARGV[i] end
end
for _, name in ipairs({ 'upgrade_id', 'state', 'attempt', 'revision', 'token' }) do
  if (changed[name] or '') == '' then return redis.error_reply('ERR missing field ' .. name) end
end
for _, name in ipairs({ 'attempt', 'revision', 'deadline_ms' }) do
  if changed[name] and not tonumber(changed[name]) then return redis.error_reply('ERR not a number: ' .. name) end
end
local device, upgrade = KEYS[1] .. 'device:' .. id, KEYS[1] .. 'upgrade:' .. id

local names = { 'upgrade_id', 'rollout', 'model', 'version', 'state', 'attempt', 'revision', 'deadline_ms', 'stage', 'site',
  'error', 'token', 'last_event' }
local had, now = {}, {}
for i, value in ipairs(redis.call('HMGET', upgrade, unpack(names))) do
  had[names[i]] = value or nil
  now[names[i]] = changed[names[i]] or value or nil
end
for _, name in ipairs({ 'rollout', 'model', 'version', 'stage', 'site' }) do
  if had.state and changed[name] and changed[name] ~= (had[name] or '') then return redis.error_reply('ERR never changes: ' .. name) end
end
if not had.state or had.upgrade_id ~= now.upgrade_id then return { 'CONFLICT' } end
if had.revision == now.revision and had.token == now.token then return { 'REPEAT', had.revision, had.last_event or '' } end
if had.revision ~= ARGV[2] or had.state ~= ARGV[10] then return { 'CONFLICT' } end
for _, i in ipairs({ 3, 13, 14, 15, 16, 17 }) do
  if not tonumber(ARGV[i]) then return redis.error_reply('ERR not a number: argument ' .. i) end
end
if ARGV[12] ~= '' then
  local state = redis.call('HGET', KEYS[1] .. 'rollout:' .. had.rollout, 'state') or ''
  if is_stopped() then return { 'REFUSED', 'all rollouts are stopped' } end
  if not string.find(ARGV[12], ',' .. state .. ',', 1, true) then return { 'REFUSED', 'its rollout is ' .. state } end
end
if ARGV[13] ~= '0' and places_taken(had.rollout, had.state) >= tonumber(ARGV[13]) then return { 'FULL', 'no place free' } end
if site_full(had.rollout, had.site, ARGV[16]) then return { 'FULL', 'no place free at its site' } end
if bytes_full(had.rollout, ARGV[17]) then return { 'FULL', 'as many bytes as allowed are being downloaded' } end
if ARGV[14] ~= '0' and not pace_take(had.rollout, ARGV[14], ARGV[3]) then return { 'FULL', 'as many a minute as allowed' } end

local row = redis.call('HMGET', device, 'facts', 'last_event')
local last = row[2] or ''
local event = { at_ms = ARGV[3], kind = 'move', device = id, model = had.model, rollout = had.rollout, upgrade = had.upgrade_id,
  from = had.state, to = now.state, on = ARGV[6], attempt = now.attempt, revision = now.revision, version = had.version,
  error = now.error, why = ARGV[7], prev = last, instance = ARGV[4], stage = had.stage }
local shown = settle(id, { state = had.state, attempt = had.attempt or '0', error = had.error or '' }, now, now.deadline_ms or '0', ARGV[3], row[1])
local function show(name, value)
  shown[#shown + 1] = name
  shown[#shown + 1] = value
end
if ARGV[9] ~= '1' then
  last = event_add(ARGV[5], event)
end
if ARGV[8] == '1' then
  event.kind, event.prev = 'alarm', last
  last = event_add(ARGV[5], event)
end
if last ~= '' then
  show('last_event', last)
  ARGV[#ARGV + 1] = 'last_event'
  ARGV[#ARGV + 1] = last
end
if changed.from_version then show('from_version', changed.from_version) end
if ARGV[11] ~= '' then show('kind', ARGV[11]) end
if ARGV[15] ~= '0' and ARGV[15] ~= '-1' then
  show('quarantine', had.version)
  show('quarantine_ms', ARGV[15])
  show('quarantine_auto', '1')
end
if had.state == 'held' and now.state ~= 'held' then
  redis.call('ZREM', KEYS[2] .. 'rollout:' .. had.rollout .. ':queue', id)
  redis.call('ZREM', KEYS[2] .. 'rollout:' .. had.rollout .. ':turns', id)
end
redis.call('HSET', upgrade, unpack(ARGV, first))
if #gone > 0 then redis.call('HDEL', upgrade, unpack(gone)) end
redis.call('HSET', device, unpack(shown))
if ARGV[15] == '-1' then redis.call('HDEL', device, 'quarantine', 'quarantine_ms', 'quarantine_auto') end
return { 'OK', now.revision, last }
