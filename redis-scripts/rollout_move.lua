#!lua
-- rollout_move: a move of a rollout that is legal from the states the caller names: pause, resume, promote, cancel, ...
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  state to go to   ARGV[3]  states it may be in now, "running,paused"
-- ARGV[4]  expected revision, 0: any   ARGV[5]  on   ARGV[6]  why   ARGV[7]  at_ms   ARGV[8]  instance   ARGV[9]  events to keep
-- ARGV[10] its model's place: keep, take (CONFLICT when another holds it), supersede (take it from whom it may be), leave, none
-- ARGV[11] the plan's JSON, '': unchanged   ARGV[12] what gates leave out from now on: keep (as it is), stage, all (lib/before.lua)
-- ARGV[13] who does it (lib/audit.lua), '': the engine   ARGV[14] stamp of the proposal that is carried out (lib/proposal.lua), '': none
-- then name and value of further fields of the rollout
--
-- Returns {'OK', rollout's fields, release's fields}, {'NOT_FOUND'}, {'REFUSED', state}, or {'CONFLICT', revision, id of the other, or stamp}.
-- @include lib/audit.lua
-- @include lib/before.lua
-- @include lib/events.lua
-- @include lib/facts.lua
-- @include lib/place.lua
-- @include lib/proposal.lua

if not tonumber(ARGV[7]) or #ARGV < 14 or (#ARGV - 14) % 2 ~= 0 then return redis.error_reply('ERR rollout_move: bad arguments') end
local id, place = ARGV[1], ARGV[10]
local key = KEYS[1] .. 'rollout:' .. id
local had = redis.call('HMGET', key, 'state', 'revision', 'epoch', 'model', 'version', 'stage')
if not had[1] then return { 'NOT_FOUND' } end
if ARGV[4] ~= '0' and ARGV[4] ~= had[2] then return { 'CONFLICT', had[2] } end
if ARGV[14] ~= '' and proposal_stamp(id) ~= ARGV[14] then return { 'CONFLICT', proposal_stamp(id) or '' } end
if not string.find(',' .. ARGV[3] .. ',', ',' .. had[1] .. ',', 1, true) then return { 'REFUSED', had[1] } end
local other = (place == 'take' or place == 'supersede') and place_taken(had[4], place == 'supersede')
if other then return { 'CONFLICT', other } end

local revision = redis.call('HINCRBY', key, 'revision', 1)
local epoch = string.format('%.0f', math.max(tonumber(ARGV[7]), tonumber(had[3]) + 1))
redis.call('HSET', key, 'state', ARGV[2], 'why', ARGV[6], 'epoch', epoch, unpack(ARGV, 15))
if ARGV[14] ~= '' then proposal_drop(id) end
before_take(key, ARGV[12], ARGV[7])
if ARGV[11] ~= '' then redis.call('SET', key .. ':plan', ARGV[11]) end
if place == 'leave' then
  redis.call('SREM', KEYS[2] .. 'waiting', id)
  place_leave(id, had[4])
elseif place == 'take' or place == 'supersede' then
  place_take(id, had[4], { at_ms = ARGV[7], keep = ARGV[9], why = 'overtaken by a newer rollout', instance = ARGV[8] })
end
event_add(ARGV[9], { at_ms = ARGV[7], kind = 'rollout', model = had[4], rollout = id, from = had[1], to = ARGV[2], on = ARGV[5],
  revision = revision, version = had[5], why = ARGV[6], instance = ARGV[8], stage = redis.call('HGET', key, 'stage'),
  facts = facts_of(rest_of(15), nil, ARGV[11]) })
local function standing(state, at, stage)
  return state .. ', revision ' .. at .. (stage and ', stage ' .. stage or '')
end
audit_add(ARGV[13], { at_ms = ARGV[7], instance = ARGV[8], target = id, before = standing(had[1], had[2], had[6]),
  after = standing(ARGV[2], revision, redis.call('HGET', key, 'stage')) })
return { 'OK', redis.call('HGETALL', key), redis.call('HGETALL', KEYS[1] .. 'release:' .. had[4] .. ':' .. had[5]) }
