#!lua
-- rollout_open: makes a rollout of a release: it runs, if no other holds the model's place or it takes over from that one; or it waits, for
-- approval or its time.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  model   ARGV[3]  version   ARGV[4]  1: supersede   ARGV[5]  at_ms   ARGV[6]  instance
-- ARGV[7]  events to keep   ARGV[8]  why, of the one superseded   ARGV[9]  1: it waits   ARGV[10]  the plan's JSON, '': flat
-- ARGV[11] who does it (lib/audit.lua), '': nobody who is known
-- then name and value of every field of the rollout; required: state, why, revision
--
-- Returns {'OK', rollout's fields, release's fields}, {'NOT_FOUND'} (the release), {'REFUSED', why} (it does not verify),
-- {'DUPLICATE'} (the id), or {'CONFLICT', id of the other}.
-- @include lib/audit.lua
-- @include lib/events.lua
-- @include lib/facts.lua
-- @include lib/place.lua

if (#ARGV - 11) % 2 ~= 0 or #ARGV < 13 or not tonumber(ARGV[5]) then return redis.error_reply('ERR rollout_open: bad arguments') end
local id, model, version, at_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local rollout, waits = KEYS[1] .. 'rollout:' .. id, ARGV[9] == '1'
local release = redis.call('HMGET', KEYS[1] .. 'release:' .. model .. ':' .. version, 'model', 'manifest_sha256', 'refused')
if not release[1] then return { 'NOT_FOUND' } end
if not release[2] or release[3] then return { 'REFUSED', release[3] or '' } end
if redis.call('EXISTS', rollout) == 1 then return { 'DUPLICATE' } end
local other = not waits and place_taken(model, ARGV[4] == '1')
if other then return { 'CONFLICT', other } end

if waits then
  redis.call('SADD', KEYS[2] .. 'waiting', id)
else
  place_take(id, model, { at_ms = at_ms, keep = ARGV[7], why = ARGV[8], instance = ARGV[6] })
end
redis.call('HSET', rollout, unpack(ARGV, 12))
if ARGV[10] ~= '' then redis.call('SET', rollout .. ':plan', ARGV[10]) end
redis.call('ZADD', KEYS[1] .. 'rollouts', at_ms, id)
local new = redis.call('HMGET', rollout, 'state', 'revision', 'why')
event_add(ARGV[7], { at_ms = at_ms, kind = 'rollout', model = model, rollout = id, to = new[1], on = 'open', revision = new[2],
  version = version, why = new[3], instance = ARGV[6], stage = redis.call('HGET', rollout, 'stage'),
  facts = facts_of(rest_of(12), nil, ARGV[10]) })
audit_add(ARGV[11], { at_ms = at_ms, instance = ARGV[6], target = id, after = new[1] .. ', revision ' .. new[2] .. ': ' .. model .. ' ' .. version })
return { 'OK', redis.call('HGETALL', rollout), redis.call('HGETALL', KEYS[1] .. 'release:' .. model .. ':' .. version) }
