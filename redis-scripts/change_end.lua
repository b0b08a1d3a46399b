#!lua
-- change_end: what became of an operator's change: an entry of the audit, and the answer under its idempotency key.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  actor, '': its entry was written by the change itself   ARGV[2]  at_ms   ARGV[3]  instance   ARGV[4]  status   ARGV[5]  why, '': done
-- ARGV[6]  digest of holder and key, '': there is none   ARGV[7]  digest of the holder   ARGV[8]  how long answers are kept, ms, 0: forget the key
-- ARGV[9]  content type   ARGV[10] etag   ARGV[11] body
-- Returns 1.
-- @include lib/audit.lua

if #ARGV ~= 11 or not tonumber(ARGV[2]) or not tonumber(ARGV[8]) then return redis.error_reply('ERR change_end: bad arguments') end
audit_add(ARGV[1], { at_ms = ARGV[2], instance = ARGV[3], status = ARGV[4], why = ARGV[5] ~= '' and ARGV[5] })
local name = KEYS[2] .. 'change:' .. ARGV[6]
if ARGV[6] == '' then
  return 1
elseif ARGV[8] == '0' then
  redis.call('DEL', name)
elseif redis.call('EXISTS', name) == 1 then
  redis.call('HSET', name, 'status', ARGV[4], 'type', ARGV[9], 'etag', ARGV[10], 'body', ARGV[11])
  redis.call('PEXPIRE', name, ARGV[8])
  redis.call('INCRBY', KEYS[2] .. 'changes:' .. ARGV[7], #ARGV[11])
end
return 1
