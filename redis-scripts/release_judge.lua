#!lua
-- release_judge: what a trust store says of a release: it verifies, or why not. Deltas that do not are taken away.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  model   ARGV[2]  version   ARGV[3]  version of the trust store   ARGV[4]  its SHA-256   ARGV[5]  verified_ms
-- ARGV[6]  why not, '': it verifies
-- then base version, SHA-256, new state and why of every delta that does not; one that is another by now is left alone
-- Returns {'OK', the release's fields}, {'NOT_FOUND'}, or {'STALE'}: a newer trust store has judged.

if #ARGV < 6 or (#ARGV - 6) % 4 ~= 0 or not tonumber(ARGV[3]) or not tonumber(ARGV[5]) then
  return redis.error_reply('ERR release_judge: bad arguments')
end
local name = ARGV[1] .. ':' .. ARGV[2]
local key = KEYS[1] .. 'release:' .. name
local had = redis.call('HMGET', key, 'model', 'trust_version')
if not had[1] then return { 'NOT_FOUND' } end
if tonumber(had[2] or '0') > tonumber(ARGV[3]) then return { 'STALE' } end
redis.call('HSET', key, 'trust_version', ARGV[3], 'trust_sha256', ARGV[4], 'verified_ms', ARGV[5])
if ARGV[6] == '' then redis.call('HDEL', key, 'refused') else redis.call('HSET', key, 'refused', ARGV[6]) end
for i = 7, #ARGV, 4 do
  if redis.call('HGET', key, 'delta:' .. ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', key, 'delta:' .. ARGV[i], 'delta_size:' .. ARGV[i])
    redis.call('HSET', key, 'delta_state:' .. ARGV[i], ARGV[i + 2], 'delta_why:' .. ARGV[i], ARGV[i + 3])
    if ARGV[i + 2] == 'queued' then redis.call('SADD', KEYS[2] .. 'deltas', name) end
  end
end
return { 'OK', redis.call('HGETALL', key) }
