#!lua
-- queue_wait: devices stand in line for a place in a rollout, or leave the line. Who stands there keeps its place, or takes a better one.
--
-- KEYS[1]  prefix of readers' keys (not used)   KEYS[2]  prefix of private keys
-- ARGV[1]  most that may stand in one line
-- then for each: rollout id, device id, score ('': it leaves)
-- Returns one character a device: W waits, T had its turn or has a live upgrade, F the line is full, E the rollout is over, L has left.

if (#ARGV - 1) % 3 ~= 0 or not tonumber(ARGV[1]) then return redis.error_reply('ERR queue_wait: bad arguments') end
for i = 4, #ARGV, 3 do
  if ARGV[i] ~= '' and not tonumber(ARGV[i]) then return redis.error_reply('ERR queue_wait: not a score: argument ' .. i) end
end
local open, codes = {}, {}

local function stand(of, id, score)
  if redis.call('SISMEMBER', of .. ':live', id) == 1 or redis.call('SISMEMBER', of .. ':done', id) == 1 then return 'T' end
  if not redis.call('ZSCORE', of .. ':queue', id) and redis.call('ZCARD', of .. ':queue') >= tonumber(ARGV[1]) then return 'F' end
  redis.call('ZADD', of .. ':queue', 'LT', score, id)
  return 'W'
end

for i = 2, #ARGV, 3 do
  local rollout, id, score = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local of = KEYS[2] .. 'rollout:' .. rollout
  if open[rollout] == nil then open[rollout] = redis.call('SISMEMBER', KEYS[2] .. 'running', rollout) == 1 end
  if score == '' then
    redis.call('ZREM', of .. ':queue', id)
    redis.call('ZREM', of .. ':turns', id)
    codes[#codes + 1] = 'L'
  else
    codes[#codes + 1] = open[rollout] and stand(of, id, score) or 'E'
  end
end
return table.concat(codes)
