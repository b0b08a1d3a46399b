#!lua
-- done_take: upgrades of a rollout that are over and shall begin something anew, part by part, round by round: those that go back, and those
-- that are given another turn. Two instances that ask get different parts. After a whole round there is a rest, longer for more devices.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  back or again   ARGV[3]  states they are in, ",failed,rejected,"   ARGV[4]  in it since no later than, 0: any
-- ARGV[5]  now_ms   ARGV[6]  rest_ms   ARGV[7]  most to take
-- back: devices that run another version by now are not meant; only those that are online are taken. At the end of a round the rollout's `back_left` says how many were found (those under way when the
-- round began included), `back_offline` how many of them are offline, `back_ms` when; nobody is left when it is 0.
-- again: it is over, and the rollout's `retry_ms` goes, when a round found nobody, or no fewer than the round before although nothing held them up.
-- Returns for each: device id, device's fields, upgrade's fields, last seen.
-- @include lib/load.lua
-- @include lib/limits.lua

local LOOK, PART_MS = 500, 0.2     -- devices looked at in one call, about; rest for each device in the set
local id, what, max = ARGV[1], ARGV[2], tonumber(ARGV[7])
local rollout, done, turn = KEYS[1] .. 'rollout:' .. id, KEYS[2] .. 'rollout:' .. id .. ':done', KEYS[2] .. 'rollout:' .. id .. ':' .. what
if not (max and tonumber(ARGV[4]) and tonumber(ARGV[5]) and tonumber(ARGV[6])) then return redis.error_reply('ERR done_take: not a number') end
if redis.call('EXISTS', turn .. ':rest') == 1 then return {} end

-- cursor, members of that step looked at already, found so far, offline of them, found by the round before
local at = redis.call('HMGET', turn, 'cursor', 'skip', 'found', 'offline', 'before')
local cursor, skip = at[1] or '0', tonumber(at[2] or '0')
local found, offline = tonumber(at[3] or '0'), tonumber(at[4] or '0')
if not at[1] and what == 'back' then found = in_flight(id) end

local function is_meant(device_id)
  local had = redis.call('HMGET', KEYS[1] .. 'upgrade:' .. device_id, 'rollout', 'state', 'state_ms', 'version')
  local meant = had[1] == id and string.find(ARGV[3], ',' .. had[2] .. ',', 1, true) and (ARGV[4] == '0' or tonumber(had[3] or '0') <= tonumber(ARGV[4]))
  return meant and (what ~= 'back' or redis.call('HGET', KEYS[1] .. 'device:' .. device_id, 'version') == had[4])
end

local result, taken = {}, 0
local step = redis.call('SSCAN', done, cursor, 'COUNT', LOOK)
local ids, i = step[2], skip
while i < #ids and taken < max do
  i = i + 1
  if is_meant(ids[i]) then
    found = found + 1
    if what == 'back' and redis.call('HGET', KEYS[1] .. 'device:' .. ids[i], 'online') ~= '1' then
      offline = offline + 1
    else
      taken = taken + 1
      result[#result + 1] = ids[i]
      load(result, ids[i])
    end
  end
end

local function text(number) return string.format('%.0f', number) end
if i < #ids then
  redis.call('HSET', turn, 'cursor', cursor, 'skip', text(i), 'found', text(found), 'offline', text(offline))
elseif step[1] ~= '0' then
  redis.call('HSET', turn, 'cursor', step[1], 'skip', '0', 'found', text(found), 'offline', text(offline))
else
  redis.call('DEL', turn)
  redis.call('SET', turn .. ':rest', '1', 'PX', text(tonumber(ARGV[6]) + redis.call('SCARD', done) * PART_MS))
  if what == 'back' then
    redis.call('HSET', rollout, 'back_ms', ARGV[5], 'back_left', text(found), 'back_offline', text(offline))
  else
    local paced = tonumber(redis.call('GET', KEYS[2] .. 'rollout:' .. id .. ':pace') or '0') > tonumber(ARGV[5])
    if found == 0 or (at[5] and found >= tonumber(at[5]) and in_flight(id) == 0 and not paced) then
      redis.call('HDEL', rollout, 'retry_ms')
    else
      redis.call('HSET', turn, 'before', text(found))
    end
  end
end
return result
