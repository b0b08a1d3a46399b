#!lua
-- release_add: writes a release once; what exists is never changed.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  model   ARGV[2]  version   ARGV[3]  created_ms   ARGV[4]  1: deltas of it are to be derived
-- then name and value of every field of the release
-- Returns {'OK'} or {'EXISTS', the stored release's fields}.

if #ARGV < 6 or #ARGV % 2 ~= 0 or not tonumber(ARGV[3]) then return redis.error_reply('ERR release_add: bad arguments') end
local name = ARGV[1] .. ':' .. ARGV[2]
local key = KEYS[1] .. 'release:' .. name
if redis.call('EXISTS', key) == 1 then return { 'EXISTS', redis.call('HGETALL', key) } end
redis.call('HSET', key, unpack(ARGV, 5))
redis.call('ZADD', KEYS[1] .. 'releases', ARGV[3], name)
if ARGV[4] == '1' then redis.call('SADD', KEYS[2] .. 'deltas', name) end
return { 'OK' }
