#!lua
-- upgrade_move: moves of upgrades; each replaces an upgrade whose revision is still the expected one, and all that hangs on its state.
-- Run several times for every device that is updated: what most moves do not need is read, and even defined, only where it is asked for, and what they
-- count is added up before it is written.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  instance   ARGV[2]  events to keep
-- then of each move these, which are called by their numbers below:
--  0 device id   1 expected revision   2 at_ms   3 on   4 why
--  5 what few moves have, '': this one has none of it; else JSON, of
--    alarm, silent  an alarm's entry, too; no move entry        kind  learned of the device
--    states         ",running,completed,": its rollout must be in one of these, and nothing stopped
--    places         most upgrades of its rollout that hold a place, when this makes one more; when it holds one already, most that are going back
--    per_minute     most of such moves and opens in a minute    per_site  most that hold a place at its site
--    bytes          most devices that may hold bytes of the package
--    quarantine_ms  the device is kept from this version until then; -1: not any more
--    from_version   where the leg begins that it goes on with   facts  this as the event log says it
--  what the upgrade of the expected revision says: 6 rollout   7 model   8 version   9 stage, '': none   10 site, '': none   11 state   12 attempt
-- 13 error, '': none
--  what it shall say: 14 upgrade_id, which it has already   15 state   16 revision   17 attempt   18 error   19 deadline_ms   20 token
-- 21 how many arguments follow: name and value of every other field that is another than before, attempt and error among them; '': it is gone
--
-- Returns of each {'OK', revision, last_event}, {'REPEAT', revision, last_event} (an earlier try with this token had worked),
-- {'CONFLICT'}, {'REFUSED', why} (the rollout is in another state), {'FULL', why}: a limit, for now, or {'ERR', why}: malformed, or Redis refused one
-- of its commands. Of a move that is not OK nothing is written, but when Redis refused. Arguments that do not come out even are an error of the call.
-- @include lib/counts_later.lua
-- @include lib/events.lua
-- @states
-- @include lib/settle.lua

local FIXED = 22
local call, find = redis.call, string.find
local instance, keep, last_argument = ARGV[1], ARGV[2], #ARGV

local function are_in_pairs()
  local at = 3
  while at <= last_argument do
    local count = tonumber(ARGV[at + 21] or '')
    if not count or count < 0 or count % 2 ~= 0 or at + FIXED + count - 1 > last_argument then return false end
    at = at + FIXED + count
  end
  return true
end

-- at: the first argument of the move; count: how many fields it has, twice.
local function move(at, count)
  local id, expected, at_ms, on, why, more, rollout, model, version, stage, site, state_was, attempt_was, error_was, upgrade_id, state,
    revision, attempt, error, deadline_ms, token = unpack(ARGV, at, at + FIXED - 2)
  local first, last_field = at + FIXED, at + FIXED + count - 1
  if rollout == '' or model == '' or version == '' or upgrade_id == '' or state == '' or token == '' then return { 'ERR', 'missing field' } end
  if not (find(revision, '^%d+$') and find(attempt, '^%d+$') and find(deadline_ms, '^%d+$')) then return { 'ERR', 'not a number: a field' } end
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
    if more.places or more.per_site or more.bytes then counts_write() end   -- they are read
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
  local name, value = 'last_event', last
  if last == '' then name, value = 'state', state end   -- it has none, and this one is silent
  call('HSET', upgrade, 'state', state, 'revision', revision, 'deadline_ms', deadline_ms, 'token', token, name, value, unpack(ARGV, first, last_field))
  for i = first, last_field, 2 do
    if ARGV[i + 1] == '' then call('HDEL', upgrade, ARGV[i]) end
  end
  call('HSET', device, 'state', state, name, value)
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
end

if not are_in_pairs() then return redis.error_reply('ERR upgrade_move: fields come in pairs') end
local results, at = {}, 3
while at <= last_argument do
  local count = tonumber(ARGV[at + 21])
  local ok, result = pcall(move, at, count)
  results[#results + 1] = ok and result or { 'ERR', type(result) == 'table' and result.err or tostring(result) }
  at = at + FIXED + count
end
counts_write()
return results
