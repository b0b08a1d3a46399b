#!lua flags=no-writes
-- excluded_page: devices that operators have excluded from a rollout, the oldest exclusion first.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  rollout id   ARGV[2]  after this time, ms, and   ARGV[3]  this device of the same time ('': from the first)   ARGV[4]  most of them
-- Returns {'OK', then of each: device id, since when, why}, or {'NOT_FOUND'}.

local rollout, after_ms, after, most = KEYS[1] .. 'rollout:' .. ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if not (tonumber(after_ms) and most) then return redis.error_reply('ERR excluded_page: not a number') end
if redis.call('EXISTS', rollout) == 0 then return { 'NOT_FOUND' } end
local result, offset = { 'OK' }, 0
while #result < 3 * most do
  local found = redis.call('ZRANGEBYSCORE', rollout .. ':excluded', after_ms, '+inf', 'WITHSCORES', 'LIMIT', offset, most)
  for i = 1, #found, 2 do
    if #result < 3 * most and not (found[i + 1] == after_ms and found[i] <= after) then
      result[#result + 1] = found[i]
      result[#result + 1] = found[i + 1]
      result[#result + 1] = redis.call('HGET', rollout .. ':excluded:why', found[i]) or ''
    end
  end
  if #found < 2 * most then break end
  offset = offset + most
end
return result
