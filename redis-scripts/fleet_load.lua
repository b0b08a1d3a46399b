#!lua flags=no-writes
-- fleet_load: the fleet's counts and those of its models, in the order of their names.
--
-- KEYS[1]  prefix of readers' keys      ARGV[1]  most models
-- Returns {fleet's fields, then for each model: its name, its fields}.

local models = redis.call('SMEMBERS', KEYS[1] .. 'models')
table.sort(models)
local result = { redis.call('HGETALL', KEYS[1] .. 'fleet') }
for i = 1, math.min(#models, tonumber(ARGV[1])) do
  result[#result + 1] = models[i]
  result[#result + 1] = redis.call('HGETALL', KEYS[1] .. 'model:' .. models[i])
end
return result
