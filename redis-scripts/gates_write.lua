#!lua
-- gates_write: what the engine read and said of a rollout last, as a whole.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   then name and value of every field
-- Returns 1, or 0 when there is no such rollout.

if #ARGV < 3 or #ARGV % 2 ~= 1 then return redis.error_reply('ERR gates_write: bad arguments') end
local rollout = KEYS[1] .. 'rollout:' .. ARGV[1]
if redis.call('EXISTS', rollout) == 0 then return 0 end
redis.call('DEL', rollout .. ':gates')
redis.call('HSET', rollout .. ':gates', unpack(ARGV, 2))
return 1
