#!lua
-- deltas_again: deltas that could not be derived are to be derived again, once, after what they depend on has changed.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  digest of what deriving depends on   ARGV[2]  1: also when it is the one of last time
-- ARGV[3]  states to be tried again, "skipped,failed"   ARGV[4]  their new state   ARGV[5]  so many of the newest releases
-- ARGV[6]  at_ms   ARGV[7]  instance   ARGV[8]  events to keep
-- Returns how many deltas there are to be derived again.
-- @include lib/events.lua
-- @include lib/facts.lua

if #ARGV ~= 8 or not tonumber(ARGV[5]) or not tonumber(ARGV[6]) then return redis.error_reply('ERR deltas_again: bad arguments') end
local under, count = KEYS[2] .. 'deltas_under', 0
if ARGV[2] ~= '1' and redis.call('GET', under) == ARGV[1] then return 0 end
for _, name in ipairs(redis.call('ZREVRANGE', KEYS[1] .. 'releases', 0, tonumber(ARGV[5]) - 1)) do
  local key = KEYS[1] .. 'release:' .. name
  local fields, set, unset = redis.call('HGETALL', key), {}, {}
  for i = 1, #fields, 2 do
    local base = string.match(fields[i], '^delta_state:(.*)$')
    if base and string.find(',' .. ARGV[3] .. ',', ',' .. fields[i + 1] .. ',', 1, true) then
      set[#set + 1] = fields[i]
      set[#set + 1] = ARGV[4]
      unset[#unset + 1] = 'delta_why:' .. base
    end
  end
  if #unset > 0 then
    count = count + #unset
    redis.call('HSET', key, unpack(set))
    redis.call('HDEL', key, unpack(unset))
    redis.call('SADD', KEYS[2] .. 'deltas', name)
    local model, version = string.match(name, '^([^:]*):(.*)$')
    event_add(ARGV[8], { at_ms = ARGV[6], kind = 'release', model = model, version = version, on = 'again', instance = ARGV[7], facts = facts_of(set, unset) })
  end
end
redis.call('SET', under, ARGV[1])
return count
