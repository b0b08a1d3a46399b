#!lua
-- change_begin: a change with an idempotency key begins, unless one with this key has begun before.
--
-- KEYS[2]  prefix of private keys (KEYS[1] is not used)
-- ARGV[1]  digest of holder and key   ARGV[2]  digest of the holder   ARGV[3]  fingerprint of the request
-- ARGV[4]  how long it may be under way, ms   ARGV[5]  bytes that one holder may have kept   ARGV[6]  how long answers are kept, ms
-- Returns {'NEW'}, {'DONE', status, content type, etag, body}, {'BUSY'} (it is under way), {'OTHER'} (another request), or {'FULL'}: then nothing is written.

local name, held = KEYS[2] .. 'change:' .. ARGV[1], KEYS[2] .. 'changes:' .. ARGV[2]
local had = redis.call('HMGET', name, 'fingerprint', 'status', 'type', 'etag', 'body')
if had[1] then
  if had[1] ~= ARGV[3] then return { 'OTHER' } end
  if not had[2] then return { 'BUSY' } end
  return { 'DONE', had[2], had[3], had[4], had[5] }
end
local most, ttl = tonumber(ARGV[5]), tonumber(ARGV[4])
if not most or not ttl or not tonumber(ARGV[6]) then return redis.error_reply('ERR change_begin: bad arguments') end
if tonumber(redis.call('GET', held) or '0') >= most then return { 'FULL' } end
redis.call('HSET', name, 'fingerprint', ARGV[3])
redis.call('PEXPIRE', name, ttl)
redis.call('INCRBY', held, 512)   -- what a key takes without its answer, about
redis.call('PEXPIRE', held, ARGV[6], 'NX')
return { 'NEW' }
