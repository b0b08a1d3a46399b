#!lua
-- release_add: writes a release once; what exists is never changed.
--
-- KEYS[1]  prefix of readers' keys      ARGV[1]  model   ARGV[2]  version   ARGV[3]  created_ms
-- then name and value of every field of the release
-- Returns {'OK'} or {'EXISTS', the stored release's fields}.

if (#ARGV - 4) % 2 ~= 1 or not tonumber(ARGV[3]) then return redis.error_reply('ERR release_add: bad arguments') end
local key = KEYS[1] .. 'release:' .. ARGV[1] .. ':' .. ARGV[2]
if redis.call('EXISTS', key) == 1 then return { 'EXISTS', redis.call('HGETALL', key) } end
redis.call('HSET', key, unpack(ARGV, 4))
redis.call('ZADD', KEYS[1] .. 'releases', ARGV[3], ARGV[1] .. ':' .. ARGV[2])
return { 'OK' }
