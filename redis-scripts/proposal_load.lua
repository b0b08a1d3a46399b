#!lua flags=no-writes
-- proposal_load: the order for a rollout that waits for another person.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  rollout id
-- Returns {its fields, the new plan's JSON, '': no edit}; no fields: there is none.
-- @include lib/proposal.lua

local key = proposal_key(ARGV[1])
return { redis.call('HGETALL', key), redis.call('GET', key .. ':plan') or '' }
