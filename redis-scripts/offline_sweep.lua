#!lua
-- offline_sweep: turns off devices that were not seen since cutoff_ms, oldest first, from where the last sweep ended.
-- priv:sweep offline_ms: every device last seen up to then has been swept; it follows the clock back when that was set back.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  cutoff_ms   ARGV[2]  most devices to look at
-- Returns how many were looked at; that many as asked for: ask again.
-- @include lib/counts.lua
-- @include lib/on.lua
-- @include lib/online.lua

local seen, sweep = KEYS[1] .. 'seen', KEYS[2] .. 'sweep'
local mark, cutoff = redis.call('HGET', sweep, 'offline_ms') or '0', ARGV[1]
if tonumber(mark) >= tonumber(cutoff) then
  if mark ~= cutoff then redis.call('HSET', sweep, 'offline_ms', cutoff) end
  return 0
end
local found = redis.call('ZRANGEBYSCORE', seen, '(' .. mark, cutoff, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local looked = #found / 2
local upto = cutoff
if looked >= tonumber(ARGV[2]) then
  -- there may be more with the last one's time: leave that time to the next call, or take all of it if it is the only one
  local last = found[#found]
  if found[2] == last then
    found = redis.call('ZRANGEBYSCORE', seen, last, last, 'WITHSCORES')
    upto = last
  else
    upto = string.format('%.0f', tonumber(last) - 1)
  end
end
for i = 1, #found, 2 do
  if tonumber(found[i + 1]) <= tonumber(upto) then
    local key = KEYS[1] .. 'device:' .. found[i]
    local had = redis.call('HMGET', key, 'online', 'model', 'version')
    if had[1] == '1' then set_online(key, had[2], had[3], false) end
  end
end
redis.call('HSET', sweep, 'offline_ms', upto)
return looked
