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
-- what the upgrade of the expected revision says: ARGV[18] rollout   ARGV[19] model   ARGV[20] version   ARGV[21] stage, '': none
-- ARGV[22] site, '': none   ARGV[23] attempt   ARGV[24] error, '': none. Of these only attempt and error ever change.
-- then name and value of every field of the upgrade that is another than before, '' for one that is gone; required: upgrade_id state
-- attempt revision token deadline_ms
--
-- Returns {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- {'CONFLICT'}, {'REFUSED', why} (the rollout is in another state), or {'FULL', why}: a limit, for now. Nothing is written unless OK.
-- @include lib/counts.lua
-- @include lib/events.lua
-- @include lib/facts.lua
-- @states
-- @include lib/limits.lua
-- @include lib/settle.lua

local call, id, first = redis.call, ARGV[1], 25
local changed, gone = {}, {}
if #ARGV < first or (#ARGV - first) % 2 ~= 1 then return redis.error_reply('ERR fields come in pairs') end
for i = first, #ARGV, 2 do
  changed[ARGV[i]] = ARGV[i + 1]
  if ARGV[i + 1] == '' and ARGV[i] ~= 'last_event' then gone[#gone + 1] = ARGV[i] end
end
local upgrade_id, revision, token = changed.upgrade_id, changed.revision, changed.token
if (upgrade_id or '') == '' or (changed.state or '') == '' or (token or '') == '' then return redis.error_reply('ERR missing field') end
if not (tonumber(changed.attempt) and tonumber(revision) and tonumber(changed.deadline_ms) and tonumber(ARGV[23])) then
  return redis.error_reply('ERR not a number: a field')
end
if ARGV[18] == '' or ARGV[19] == '' or ARGV[20] == '' then return redis.error_reply('ERR missing rollout, model or version') end
local device, upgrade = KEYS[1] .. 'device:' .. id, KEYS[1] .. 'upgrade:' .. id

local had = call('HMGET', upgrade, 'upgrade_id', 'state', 'revision', 'token', 'last_event')
local state_was, last = had[2], had[5] or ''
if not state_was or had[1] ~= upgrade_id then return { 'CONFLICT' } end
if had[3] == revision and had[4] == token then return { 'REPEAT', revision, last } end
if had[3] ~= ARGV[2] or state_was ~= ARGV[10] then return { 'CONFLICT' } end
local rollout, site = ARGV[18], ARGV[22] ~= '' and ARGV[22] or nil
local was = { state = state_was, attempt = ARGV[23], error = ARGV[24] }
local now = { rollout = rollout, model = ARGV[19], version = ARGV[20], stage = ARGV[21] ~= '' and ARGV[21] or nil, site = site, upgrade_id = upgrade_id,
  state = changed.state, attempt = changed.attempt, error = changed.error or ARGV[24] }
if ARGV[12] ~= '' then
  local state = call('HGET', KEYS[1] .. 'rollout:' .. rollout, 'state') or ''
  if is_stopped() then return { 'REFUSED', 'all rollouts are stopped' } end
  if not string.find(ARGV[12], ',' .. state .. ',', 1, true) then return { 'REFUSED', 'its rollout is ' .. state } end
end
if ARGV[13] ~= '0' and places_taken(rollout, state_was) >= tonumber(ARGV[13]) then return { 'FULL', 'no place free' } end
if site_full(rollout, site, ARGV[16]) then return { 'FULL', 'no place free at its site' } end
if bytes_full(rollout, ARGV[17]) then return { 'FULL', 'as many bytes as allowed are being downloaded' } end
if ARGV[14] ~= '0' and not pace_take(rollout, ARGV[14], ARGV[3]) then return { 'FULL', 'as many a minute as allowed' } end

local shown = settle(id, was, now, changed.deadline_ms, ARGV[3])
local event = { at_ms = ARGV[3], kind = 'move', device = id, model = now.model, rollout = rollout, upgrade = upgrade_id,
  from = state_was, to = now.state, on = ARGV[6], attempt = now.attempt, revision = revision, version = now.version,
  error = now.error, why = ARGV[7], prev = last, instance = ARGV[4], stage = now.stage }
-- Where a leg begins and leads to is in the log, too: it follows from no other field.
if changed.from_version or changed.via then
  local set, unset = {}, {}
  for _, name in ipairs({ 'from_version', 'via' }) do
    if changed[name] == '' then
      unset[#unset + 1] = name
    elseif changed[name] then
      set[#set + 1] = name
      set[#set + 1] = changed[name]
    end
  end
  event.facts = facts_of(set, unset)
end
if ARGV[9] ~= '1' then
  last = event_add(ARGV[5], event)
end
if ARGV[8] == '1' then
  event.kind, event.prev, event.facts = 'alarm', last, nil
  last = event_add(ARGV[5], event)
end
local function show(name, value)
  shown[#shown + 1] = name
  shown[#shown + 1] = value
end
if last ~= '' then
  show('last_event', last)
  ARGV[#ARGV + 1] = 'last_event'
  ARGV[#ARGV + 1] = last
end
if changed.from_version then show('from_version', changed.from_version) end
if ARGV[11] ~= '' then show('kind', ARGV[11]) end
if ARGV[15] ~= '0' and ARGV[15] ~= '-1' then
  show('quarantine', now.version)
  show('quarantine_ms', ARGV[15])
  show('quarantine_auto', '1')
end
if state_was == 'held' and now.state ~= 'held' then
  call('ZREM', KEYS[2] .. 'rollout:' .. rollout .. ':queue', id)
  call('ZREM', KEYS[2] .. 'rollout:' .. rollout .. ':turns', id)
end
call('HSET', upgrade, unpack(ARGV, first))
if #gone > 0 then call('HDEL', upgrade, unpack(gone)) end
call('HSET', device, unpack(shown))
if ARGV[15] == '-1' then call('HDEL', device, 'quarantine', 'quarantine_ms', 'quarantine_auto') end
return { 'OK', revision, last }
