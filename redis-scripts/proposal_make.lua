#!lua
-- proposal_make: an order for a rollout waits for another person. One at a time: it takes the place of an older one of the same person, or of one that
-- can no longer be approved because the rollout has changed.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  its revision, for which this is made   ARGV[3]  at_ms   ARGV[4]  expires_ms   ARGV[5]  instance   ARGV[6]  events to keep
-- ARGV[7]  who makes it   ARGV[8]  order ("edit")   ARGV[9]  why   ARGV[10] the new plan's JSON, '': no edit   ARGV[11] actor (lib/audit.lua)
-- then name and value of further fields
--
-- Returns {'OK', number}, {'NOT_FOUND'}, {'CONFLICT', revision}: the rollout has changed, or {'DUPLICATE', who}: another person's is in its place.
-- @include lib/audit.lua
-- @include lib/events.lua
-- @include lib/proposal.lua

if #ARGV < 11 or (#ARGV - 11) % 2 ~= 0 or not tonumber(ARGV[3]) or not tonumber(ARGV[4]) then return redis.error_reply('ERR proposal_make: bad arguments') end
local id = ARGV[1]
local rollout, key = KEYS[1] .. 'rollout:' .. id, proposal_key(id)
local had = redis.call('HMGET', rollout, 'revision', 'model', 'version', 'state', 'stage')
if not had[1] then return { 'NOT_FOUND' } end
if had[1] ~= ARGV[2] then return { 'CONFLICT', had[1] } end
local other = redis.call('HMGET', key, 'who', 'revision', 'expires_ms')
if other[1] and other[1] ~= ARGV[7] and other[2] == had[1] and tonumber(other[3]) > tonumber(ARGV[3]) then return { 'DUPLICATE', other[1] } end

local number = string.format('%.0f', redis.call('INCR', KEYS[2] .. 'proposals'))
proposal_drop(id)
redis.call('HSET', key, 'number', number, 'on', ARGV[8], 'revision', had[1], 'at_ms', ARGV[3], 'expires_ms', ARGV[4], 'who', ARGV[7], 'why', ARGV[9], unpack(ARGV, 12))
redis.call('PEXPIREAT', key, ARGV[4])
if ARGV[10] ~= '' then
  redis.call('SET', key .. ':plan', ARGV[10])
  redis.call('PEXPIREAT', key .. ':plan', ARGV[4])
end
event_add(ARGV[6], { at_ms = ARGV[3], kind = 'alarm', model = had[2], rollout = id, on = 'proposed', revision = had[1], version = had[3],
  why = ARGV[9], instance = ARGV[5], stage = had[5] })
audit_add(ARGV[11], { at_ms = ARGV[3], instance = ARGV[5], target = id, said = 'proposal ' .. number .. ': waits for approval',
  before = had[4] .. ', revision ' .. had[1] .. (had[5] and ', stage ' .. had[5] or ''), after = ARGV[8] })
return { 'OK', number }
