#!lua
-- upgrade_move: replaces an upgrade whose revision is still the expected one, and all that hangs on its state. Run several times for every device
-- that is updated: what most moves do not need is read, and even defined, only where it is asked for.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  device id   ARGV[2]  expected revision   ARGV[3]  at_ms   ARGV[4]  instance   ARGV[5]  events to keep
-- ARGV[6]  on          ARGV[7]  why
-- ARGV[8]  what few moves have, '': this one has none of it; else JSON, of
--   alarm, silent  an alarm's entry, too; no move entry        kind  learned of the device
--   states         ",running,completed,": its rollout must be in one of these, and nothing stopped
--   places         most upgrades of its rollout that hold a place, when this makes one more; when it holds one already, most that are going back
--   per_minute     most of such moves and opens in a minute    per_site  most that hold a place at its site
--   bytes          most devices that may hold bytes of the package
--   quarantine_ms  the device is kept from this version until then; -1: not any more
--   from_version   where the leg begins that it goes on with   facts  this as the event log says it
-- what the upgrade of the expected revision says: ARGV[9] rollout   ARGV[10] model   ARGV[11] version   ARGV[12] stage, '': none
-- ARGV[13] site, '': none   ARGV[14] state   ARGV[15] attempt   ARGV[16] error, '': none
-- what it shall say: ARGV[17] upgrade_id, which it has already   ARGV[18] state   ARGV[19] revision   ARGV[20] attempt   ARGV[21] error
-- ARGV[22] deadline_ms   ARGV[23] token
-- then name and value of every other field that is another than before, attempt and error among them; '': it is gone
--
-- Returns {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- {'CONFLICT'}, {'REFUSED', why} (the rollout is in another state), or {'FULL', why}: a limit, for now. Nothing is written unless OK.
-- @include lib/counts.lua
-- @include lib/events.lua
-- @states
-- @include lib/settle.lua

local FIELDS = 24
local id, expected, at_ms, instance, keep, on, why, more, rollout, model, version, stage, site, state_was, attempt_was, error_was, upgrade_id, state,
  revision, attempt, error, deadline_ms, token = unpack(ARGV, 1, FIELDS - 1)
local call, find = redis.call, string.find
if not token or #ARGV % 2 ~= 1 then return redis.error_reply('ERR fields come in pairs') end
if rollout == '' or model == '' or version == '' or upgrade_id == '' or state == '' or token == '' then return redis.error_reply('ERR missing field') end
for i = 19, 22 do
  if i ~= 21 and not find(ARGV[i], '^%d+$') then return redis.error_reply('ERR not a number: argument ' .. i) end
end
local device, upgrade = KEYS[1] .. 'device:' .. id, KEYS[1] .. 'upgrade:' .. id

local had = call('HMGET', upgrade, 'upgrade_id', 'state', 'revision', 'token', 'last_event')
local last = had[5] or ''
if had[1] ~= upgrade_id then return { 'CONFLICT' } end
if had[3] == revision and had[4] == token then return { 'REPEAT', revision, last } end
if had[3] ~= expected or had[2] ~= state_was then return { 'CONFLICT' } end
if stage == '' then stage = nil end
if site == '' then site = nil end
if more ~= '' then
  -- @include lib/limits.lua
  more = cjson.decode(more)
  if more.states then
    local is = call('HGET', KEYS[1] .. 'rollout:' .. rollout, 'state') or ''
    if is_stopped() then return { 'REFUSED', 'all rollouts are stopped' } end
    if not find(more.states, ',' .. is .. ',', 1, true) then return { 'REFUSED', 'its rollout is ' .. is } end
  end
  if more.places and places_taken(rollout, state_was) >= more.places then return { 'FULL', 'no place free' } end
  if site_full(rollout, site, more.per_site) then return { 'FULL', 'no place free at its site' } end
  if bytes_full(rollout, more.bytes) then return { 'FULL', 'as many bytes as allowed are being downloaded' } end
  if more.per_minute and not pace_take(rollout, more.per_minute, at_ms) then return { 'FULL', 'as many a minute as allowed' } end
else
  more = nil
end

local marker = settle(id, rollout, model, stage, site, state_was, state, attempt_was, attempt, error_was, error, deadline_ms, at_ms)
local event = { at_ms = at_ms, kind = 'move', device = id, model = model, rollout = rollout, upgrade = upgrade_id, from = state_was, to = state, on = on,
  attempt = attempt, revision = revision, version = version, error = error, why = why, prev = last, instance = instance, stage = stage,
  facts = more and more.facts }
if not (more and more.silent) then last = event_add(keep, event) end
if more and more.alarm then
  event.kind, event.prev, event.facts = 'alarm', last, nil
  last = event_add(keep, event)
end
call('HSET', upgrade, 'state', state, 'revision', revision, 'deadline_ms', deadline_ms, 'token', token, 'last_event', last, unpack(ARGV, FIELDS))
for i = FIELDS, #ARGV, 2 do
  if ARGV[i + 1] == '' then call('HDEL', upgrade, ARGV[i]) end
end
call('HSET', device, 'state', state, 'last_event', last)
if attempt ~= attempt_was then call('HSET', device, 'attempt', attempt) end
if marker then call('HSET', device, 'facts', marker) end
if more then
  if more.from_version then call('HSET', device, 'from_version', more.from_version) end
  if more.kind then call('HSET', device, 'kind', more.kind) end
  if more.quarantine_ms == '-1' then
    call('HDEL', device, 'quarantine', 'quarantine_ms', 'quarantine_auto')
  elseif more.quarantine_ms then
    call('HSET', device, 'quarantine', version, 'quarantine_ms', more.quarantine_ms, 'quarantine_auto', '1')
  end
end
if state_was == 'held' and state ~= 'held' then
  call('ZREM', KEYS[2] .. 'rollout:' .. rollout .. ':queue', id)
  call('ZREM', KEYS[2] .. 'rollout:' .. rollout .. ':turns', id)
end
return { 'OK', revision, last }
