#!lua flags=no-writes
-- rollouts_load: rollouts with their releases, from one moment.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  active, ending, known (both, and those that wait), all, or one (its id is ARGV[3])   ARGV[2]  most of them   ARGV[3]  '' or id
-- then id, plan_revision and stepping stones ("1.5.0,2.0.0", '' none) of every plan the caller has
-- Returns for each: rollout's fields, release's fields, its current stage's hash, its plan's JSON ('': flat, known, or one of all), how many
-- devices wait in its queue, until when its dispatches are paced, and the fields of the release of each of its plan's stepping stones (empty where
-- there is none; for all: none). For all newest first.

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
  ids = redis.call('SUNION', KEYS[2] .. 'running', KEYS[2] .. 'ending', KEYS[2] .. 'waiting')
else
  return redis.error_reply('ERR rollouts_load: no such list')
end
local known = {}
for i = 4, #ARGV - 2, 3 do known[ARGV[i]] = { revision = ARGV[i + 1], stones = ARGV[i + 2] } end

-- A plan that is news says them itself.
local function stones_of(plan, had)
  local versions = {}
  if plan ~= '' then
    local fine, read = pcall(cjson.decode, plan)   -- one that cannot be read is the caller's to report
    if fine and type(read) == 'table' and type(read.stepping_stones) == 'table' then versions = read.stepping_stones end
  elseif had then
    for version in string.gmatch(had.stones, '[^,]+') do versions[#versions + 1] = version end
  end
  return versions
end

local result = {}
for i = 1, math.min(#ids, tonumber(ARGV[2])) do
  local key = KEYS[1] .. 'rollout:' .. ids[i]
  local named = redis.call('HMGET', key, 'model', 'version', 'stage', 'plan_revision')
  if named[1] then
    result[#result + 1] = redis.call('HGETALL', key)
    result[#result + 1] = redis.call('HGETALL', KEYS[1] .. 'release:' .. named[1] .. ':' .. named[2])
    result[#result + 1] = named[3] and redis.call('HGETALL', key .. ':stage:' .. named[3]) or {}
    local had = known[ids[i]]
    local news = which ~= 'all' and named[4] and not (had and had.revision == named[4])
    local plan = news and redis.call('GET', key .. ':plan') or ''
    result[#result + 1] = plan
    result[#result + 1] = redis.call('ZCARD', KEYS[2] .. 'rollout:' .. ids[i] .. ':queue')
    result[#result + 1] = redis.call('GET', KEYS[2] .. 'rollout:' .. ids[i] .. ':pace') or ''
    local stones = {}
    for _, version in ipairs(which ~= 'all' and stones_of(plan, had) or {}) do
      stones[#stones + 1] = redis.call('HGETALL', KEYS[1] .. 'release:' .. named[1] .. ':' .. version)
    end
    result[#result + 1] = stones
  end
end
return result
