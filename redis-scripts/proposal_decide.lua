#!lua
-- proposal_decide: one of several people approves a proposed order, or somebody rejects it. The approval that is the last it needs carries it out: rollout_move.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  stamp of the proposal (lib/proposal.lua)   ARGV[3]  endorse or reject   ARGV[4]  who   ARGV[5]  at_ms
-- ARGV[6]  instance   ARGV[7]  events to keep   ARGV[8]  why   ARGV[9]  actor (lib/audit.lua)
--
-- Returns {'OK'}, {'NOT_FOUND'}: there is none, or {'CONFLICT'}: it is not the one that was read.
-- @include lib/audit.lua
-- @include lib/events.lua
-- @include lib/proposal.lua

if #ARGV ~= 9 or not tonumber(ARGV[5]) then return redis.error_reply('ERR proposal_decide: bad arguments') end
local id, what = ARGV[1], ARGV[3]
if what ~= 'endorse' and what ~= 'reject' then return redis.error_reply('ERR proposal_decide: neither') end
local key, stamp = proposal_key(id), proposal_stamp(id)
if not stamp then return { 'NOT_FOUND' } end
if stamp ~= ARGV[2] then return { 'CONFLICT' } end
local had = redis.call('HMGET', key, 'number', 'on', 'who')
local rollout = redis.call('HMGET', KEYS[1] .. 'rollout:' .. id, 'model', 'version', 'revision', 'stage')
if what == 'endorse' then
  redis.call('HSET', key, 'approver' .. redis.call('HINCRBY', key, 'approvals', 1), ARGV[4])
else
  proposal_drop(id)
end
event_add(ARGV[7], { at_ms = ARGV[5], kind = 'alarm', model = rollout[1], rollout = id, on = what == 'endorse' and 'proposal_endorsed' or 'proposal_rejected',
  revision = rollout[3], version = rollout[2], why = ARGV[8], instance = ARGV[6], stage = rollout[4] })
audit_add(ARGV[9], { at_ms = ARGV[5], instance = ARGV[6], target = id, said = 'proposal ' .. had[1] .. ' of ' .. had[3] .. ': ' .. had[2],
  before = 'waits for approval', after = what == 'endorse' and 'waits for another approval' or 'rejected' })
return { 'OK' }
