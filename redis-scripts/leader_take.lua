#!lua
-- leader_take: takes, prolongs or gives back the lease of the instance that does the fleet's chores.
--
-- KEYS[2]  prefix of private keys (KEYS[1] is not used)   ARGV[1]  instance   ARGV[2]  ttl_ms, 0: give it back
-- Returns 1 when the instance holds the lease now, else 0.

local key = KEYS[2] .. 'leader'
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', key)
  return 0
end
redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
return 1
