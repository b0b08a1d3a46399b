#!lua flags=no-writes
-- rollouts_load: rollouts with their releases, from one moment.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  active, ending, known (both), all, or one (the id follows)   ARGV[2]  most of them   ARGV[3]  rollout id, for one
-- Returns for each: rollout's fields, release's fields (flat). For all newest first.

local ids
local which = ARGV[1]
if which == 'one' then
  ids = { ARGV[3] }
elseif which == 'all' then
  ids = redis.call('ZREVRANGE', KEYS[1] .. 'rollouts', 0, tonumber(ARGV[2]) - 1)
elseif which == 'active' then
  ids = redis.call('SMEMBERS', KEYS[2] .. 'running')
elseif which == 'ending' then
  ids = redis.call('SMEMBERS', KEYS[2] .. 'ending')
elseif which == 'known' then
  ids = redis.call('SUNION', KEYS[2] .. 'running', KEYS[2] .. 'ending')
else
  return redis.error_reply('ERR rollouts_load: no such list')
end
local result = {}
for i = 1, math.min(#ids, tonumber(ARGV[2])) do
  local key = KEYS[1] .. 'rollout:' .. ids[i]
  local named = redis.call('HMGET', key, 'model', 'version')
  if named[1] then
    result[#result + 1] = redis.call('HGETALL', key)
    result[#result + 1] = redis.call('HGETALL', KEYS[1] .. 'release:' .. named[1] .. ':' .. named[2])
  end
end
return result
