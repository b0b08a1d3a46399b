#!lua
-- release_delta: where one delta that is to be derived stands; what became of it is written once.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  model   ARGV[2]  version   ARGV[3]  base version   ARGV[4]  states it may be in now, those of work to be done: "queued,running"
-- ARGV[5]  its new state   ARGV[6]  SHA-256 in the depot, '': it was not kept   ARGV[7]  its size   ARGV[8]  why, '': nothing to say
-- ARGV[9]  at_ms   ARGV[10] instance   ARGV[11] events to keep
-- Returns {'OK', the release's fields}, {'NOT_FOUND'}, or {'CONFLICT', its state}.
-- @include lib/events.lua
-- @include lib/facts.lua

if #ARGV ~= 11 or not tonumber(ARGV[9]) then return redis.error_reply('ERR release_delta: bad arguments') end
local name, base = ARGV[1] .. ':' .. ARGV[2], ARGV[3]
local key = KEYS[1] .. 'release:' .. name
if redis.call('EXISTS', key) == 0 then return { 'NOT_FOUND' } end
local state = redis.call('HGET', key, 'delta_state:' .. base)
local function is_open(state) return string.find(',' .. ARGV[4] .. ',', ',' .. state .. ',', 1, true) ~= nil end
if not state or not is_open(state) then return { 'CONFLICT', state or '' } end
local set, unset = { 'delta_state:' .. base, ARGV[5] }, {}
local function put(name, value)
  set[#set + 1] = name .. base
  set[#set + 1] = value
end
if ARGV[6] ~= '' then
  put('delta:', ARGV[6])
  put('delta_size:', ARGV[7])
end
if ARGV[8] ~= '' then put('delta_why:', ARGV[8]) else unset[1] = 'delta_why:' .. base end
redis.call('HSET', key, unpack(set))
if unset[1] then redis.call('HDEL', key, unset[1]) end
event_add(ARGV[11], { at_ms = ARGV[9], kind = 'release', model = ARGV[1], version = ARGV[2], on = 'delta', instance = ARGV[10], facts = facts_of(set, unset),
  why = string.sub(ARGV[5] .. ', from ' .. base .. (ARGV[8] ~= '' and ': ' .. ARGV[8] or ''), 1, 127) })
local fields, left = redis.call('HGETALL', key), false
for i = 1, #fields, 2 do left = left or (string.sub(fields[i], 1, 12) == 'delta_state:' and is_open(fields[i + 1])) end
if not left then redis.call('SREM', KEYS[2] .. 'deltas', name) end
return { 'OK', fields }
