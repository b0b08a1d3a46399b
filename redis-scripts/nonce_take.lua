#!lua
-- nonce_take: a signed request's nonce counts once; and one holder takes only so many of them in a window.
--
-- KEYS[2]  prefix of private keys (KEYS[1] is not used)
-- ARGV[1]  nonce   ARGV[2]  keep_ms   ARGV[3]  holder   ARGV[4]  window_ms   ARGV[5]  most in a window
-- Returns 1 when it is taken now, 0 when it was taken before, 2 when the holder has taken too many: then nothing is written.

local nonce, count = KEYS[2] .. 'nonce:' .. ARGV[1], KEYS[2] .. 'nonces:' .. ARGV[3]
if redis.call('EXISTS', nonce) == 1 then return 0 end
if tonumber(redis.call('GET', count) or '0') >= tonumber(ARGV[5]) then return 2 end
redis.call('SET', nonce, '', 'PX', ARGV[2])
if redis.call('INCR', count) == 1 then redis.call('PEXPIRE', count, ARGV[4]) end
return 1
