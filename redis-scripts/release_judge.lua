#!lua
-- release_judge: what a trust store says of a release: it verifies, or why not. Deltas that do not are taken away.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  model   ARGV[2]  version   ARGV[3]  version of the trust store   ARGV[4]  its SHA-256   ARGV[5]  verified_ms
-- ARGV[6]  why not, '': it verifies   ARGV[7]  instance   ARGV[8]  events to keep
-- then base version, SHA-256, new state and why of every delta that does not; one that is another by now is left alone
-- Returns {'OK', the release's fields}, {'NOT_FOUND'}, or {'STALE'}: a newer trust store has judged. That it still is as it was is no event.
-- @include lib/events.lua
-- @include lib/facts.lua

if #ARGV < 8 or (#ARGV - 8) % 4 ~= 0 or not tonumber(ARGV[3]) or not tonumber(ARGV[5]) then
  return redis.error_reply('ERR release_judge: bad arguments')
end
local name = ARGV[1] .. ':' .. ARGV[2]
local key = KEYS[1] .. 'release:' .. name
local had = redis.call('HMGET', key, 'model', 'trust_version', 'trust_sha256', 'refused')
if not had[1] then return { 'NOT_FOUND' } end
if tonumber(had[2] or '0') > tonumber(ARGV[3]) then return { 'STALE' } end
local set, unset = { 'trust_version', ARGV[3], 'trust_sha256', ARGV[4], 'verified_ms', ARGV[5] }, {}
local function put(field, value)
  set[#set + 1] = field
  set[#set + 1] = value
end
if ARGV[6] == '' then unset[1] = 'refused' else put('refused', ARGV[6]) end
local news = had[2] ~= ARGV[3] or had[3] ~= ARGV[4] or (had[4] or '') ~= ARGV[6]
for i = 9, #ARGV, 4 do
  local base = ARGV[i]
  if redis.call('HGET', key, 'delta:' .. base) == ARGV[i + 1] then
    news = true
    unset[#unset + 1] = 'delta:' .. base
    unset[#unset + 1] = 'delta_size:' .. base
    put('delta_state:' .. base, ARGV[i + 2])
    put('delta_why:' .. base, ARGV[i + 3])
    if ARGV[i + 2] == 'queued' then redis.call('SADD', KEYS[2] .. 'deltas', name) end
  end
end
redis.call('HSET', key, unpack(set))
if #unset > 0 then redis.call('HDEL', key, unpack(unset)) end
if news then
  event_add(ARGV[8], { at_ms = ARGV[5], kind = 'release', model = ARGV[1], version = ARGV[2], on = 'judge', why = ARGV[6] == '' and 'it verifies' or ARGV[6],
    instance = ARGV[7], facts = facts_of(set, unset) })
end
return { 'OK', redis.call('HGETALL', key) }
