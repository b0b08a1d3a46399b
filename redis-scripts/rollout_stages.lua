#!lua flags=no-writes
-- rollout_stages: the counts of a rollout's first stages.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  rollout id   ARGV[2]  how many stages
-- Returns for each stage its fields.

local result = {}
for stage = 1, tonumber(ARGV[2]) do
  result[stage] = redis.call('HGETALL', KEYS[1] .. 'rollout:' .. ARGV[1] .. ':stage:' .. stage)
end
return result
