#!lua
-- release_judge: what a trust store says of a release: it verifies, or why not. Deltas that do not are taken away.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  model   ARGV[2]  version   ARGV[3]  version of the trust store   ARGV[4]  its SHA-256   ARGV[5]  why not, '': it verifies
-- then base version and why of every delta that does not
-- Returns {'OK', the release's fields}, {'NOT_FOUND'}, or {'STALE'}: a newer trust store has judged.

if #ARGV < 5 or (#ARGV - 5) % 2 ~= 0 or not tonumber(ARGV[3]) then return redis.error_reply('ERR release_judge: bad arguments') end
local key = KEYS[1] .. 'release:' .. ARGV[1] .. ':' .. ARGV[2]
local had = redis.call('HMGET', key, 'model', 'trust_version')
if not had[1] then return { 'NOT_FOUND' } end
if tonumber(had[2] or '0') > tonumber(ARGV[3]) then return { 'STALE' } end
redis.call('HSET', key, 'trust_version', ARGV[3], 'trust_sha256', ARGV[4])
if ARGV[5] == '' then redis.call('HDEL', key, 'refused') else redis.call('HSET', key, 'refused', ARGV[5]) end
for i = 6, #ARGV, 2 do
  redis.call('HDEL', key, 'delta:' .. ARGV[i], 'delta_size:' .. ARGV[i])
  redis.call('HSET', key, 'delta_state:' .. ARGV[i], 'failed', 'delta_why:' .. ARGV[i], ARGV[i + 1])
end
return { 'OK', redis.call('HGETALL', key) }
