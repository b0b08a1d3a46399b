#!lua
-- release_add: writes a release once; what exists is never changed.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  model   ARGV[2]  version   ARGV[3]  created_ms   ARGV[4]  1: deltas of it are to be derived   ARGV[5]  instance
-- ARGV[6]  events to keep
-- then name and value of every field of the release
-- Returns {'OK'} or {'EXISTS', the stored release's fields}.
-- @include lib/events.lua
-- @include lib/facts.lua

if #ARGV < 8 or #ARGV % 2 ~= 0 or not tonumber(ARGV[3]) then return redis.error_reply('ERR release_add: bad arguments') end
local name = ARGV[1] .. ':' .. ARGV[2]
local key = KEYS[1] .. 'release:' .. name
if redis.call('EXISTS', key) == 1 then return { 'EXISTS', redis.call('HGETALL', key) } end
redis.call('HSET', key, unpack(ARGV, 7))
redis.call('ZADD', KEYS[1] .. 'releases', ARGV[3], name)
if ARGV[4] == '1' then redis.call('SADD', KEYS[2] .. 'deltas', name) end
event_add(ARGV[6], { at_ms = ARGV[3], kind = 'release', model = ARGV[1], version = ARGV[2], on = 'add', instance = ARGV[5], facts = facts_of(rest_of(7)) })
return { 'OK' }
