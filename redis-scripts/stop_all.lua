#!lua
-- stop_all: stops whatever rollouts do of themselves, or lets it go on. While the key is there nothing is opened, told or sent back because of a rollout.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  1: stop, 0: go on   ARGV[2]  at_ms   ARGV[3]  who   ARGV[4]  why   ARGV[5]  instance   ARGV[6]  events to keep
-- ARGV[7]  who does it (lib/audit.lua)
-- Returns 1: done; 0: it was so before (and stays as it was).
-- @include lib/audit.lua
-- @include lib/events.lua

local stop = KEYS[1] .. 'stop'
if not tonumber(ARGV[2]) then return redis.error_reply('ERR stop_all: not a number') end
local on = ARGV[1] == '1'
if (redis.call('EXISTS', stop) == 1) == on then return 0 end
if on then
  redis.call('HSET', stop, 'at_ms', ARGV[2], 'who', ARGV[3], 'why', ARGV[4])
else
  redis.call('DEL', stop)
end
event_add(ARGV[6], { at_ms = ARGV[2], kind = 'alarm', on = on and 'stop_all' or 'start_all', why = ARGV[4], instance = ARGV[5] })
audit_add(ARGV[7], { at_ms = ARGV[2], instance = ARGV[5], target = 'all rollouts', before = on and 'free' or 'stopped', after = on and 'stopped' or 'free' })
return 1
