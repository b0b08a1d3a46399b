#!lua
-- release_delta: where one delta that is to be derived stands; what became of it is written once.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  model   ARGV[2]  version   ARGV[3]  base version   ARGV[4]  states it may be in now, "queued,running"
-- ARGV[5]  its new state   ARGV[6]  SHA-256 in the depot, '': it was not kept   ARGV[7]  its size   ARGV[8]  why, '': nothing to say
-- ARGV[9]  1: no other delta of the release is left to be derived
-- Returns {'OK', the release's fields}, {'NOT_FOUND'}, or {'CONFLICT', its state}.

if #ARGV ~= 9 then return redis.error_reply('ERR release_delta: bad arguments') end
local name, base = ARGV[1] .. ':' .. ARGV[2], ARGV[3]
local key = KEYS[1] .. 'release:' .. name
if redis.call('EXISTS', key) == 0 then return { 'NOT_FOUND' } end
local state = redis.call('HGET', key, 'delta_state:' .. base)
if not state or not string.find(',' .. ARGV[4] .. ',', ',' .. state .. ',', 1, true) then return { 'CONFLICT', state or '' } end
redis.call('HSET', key, 'delta_state:' .. base, ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', key, 'delta:' .. base, ARGV[6], 'delta_size:' .. base, ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', key, 'delta_why:' .. base, ARGV[8]) end
if ARGV[9] == '1' then redis.call('SREM', KEYS[2] .. 'deltas', name) end
return { 'OK', redis.call('HGETALL', key) }
