#!lua flags=no-writes
-- device_standing: what "why?" of a device asks of one rollout and no cache holds.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  device id   ARGV[2]  rollout id   ARGV[3]  its site there, '': none
-- Returns {upgrades in flight at its site, when it was excluded from the rollout, '': it is not}.

local rollout = KEYS[1] .. 'rollout:' .. ARGV[2]
return { ARGV[3] ~= '' and redis.call('HGET', rollout .. ':sites', ARGV[3]) or '0', redis.call('ZSCORE', rollout .. ':excluded', ARGV[1]) or '' }
