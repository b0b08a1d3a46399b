#!lua
-- queue_wait: devices stand in line for a place in a rollout, or leave the line. Who stands there keeps its place, or takes a better one.
--
-- KEYS[1]  prefix of readers' keys   KEYS[2]  prefix of private keys
-- ARGV[1]  most that may stand in one line
-- then for each: rollout id, device id, score ('': it leaves), 1: its upgrade there is held until a window opens, and wants a place again
-- Returns one character a device: W waits, T had its turn or has a live upgrade that is not held until a window opens, F the line is full, E the rollout is over, L has left.

-- @include lib/line.lua

if (#ARGV - 1) % 4 ~= 0 or not tonumber(ARGV[1]) then return redis.error_reply('ERR queue_wait: bad arguments') end
for i = 4, #ARGV, 4 do
  if ARGV[i] ~= '' and not tonumber(ARGV[i]) then return redis.error_reply('ERR queue_wait: not a score: argument ' .. i) end
end
local open, codes = {}, {}

local function stand(of, id, score, returns)
  if upgrade_in(of, id) ~= (returns and 'held' or nil) or redis.call('SISMEMBER', of .. ':done', id) == 1 then return 'T' end
  if not redis.call('ZSCORE', of .. ':queue', id) and redis.call('ZCARD', of .. ':queue') >= tonumber(ARGV[1]) then return 'F' end
  redis.call('ZADD', of .. ':queue', 'LT', score, id)
  return 'W'
end

for i = 2, #ARGV, 4 do
  local rollout, id, score = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local of = KEYS[2] .. 'rollout:' .. rollout
  if open[rollout] == nil then open[rollout] = redis.call('SISMEMBER', KEYS[2] .. 'running', rollout) == 1 end
  if score == '' then
    redis.call('ZREM', of .. ':queue', id)
    redis.call('ZREM', of .. ':turns', id)
    codes[#codes + 1] = 'L'
  else
    codes[#codes + 1] = open[rollout] and stand(of, id, score, ARGV[i + 3] == '1') or 'E'
  end
end
return table.concat(codes)
