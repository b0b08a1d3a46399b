#!lua
-- rollout_open: starts a rollout of a release, if no other runs or is paused for the model, or takes over from that one.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  model   ARGV[3]  version   ARGV[4]  1: supersede   ARGV[5]  at_ms   ARGV[6]  instance
-- ARGV[7]  events to keep   ARGV[8]  why, of the one superseded
-- then name and value of every field of the rollout; required: state, why, revision
--
-- Returns {'OK', rollout's fields, release's fields}, {'NOT_FOUND'} (the release), {'REFUSED', why} (it does not verify),
-- {'DUPLICATE'} (the id), or {'CONFLICT', id of the other}.
-- @include lib/events.lua

if (#ARGV - 9) % 2 ~= 1 or not tonumber(ARGV[5]) then return redis.error_reply('ERR rollout_open: bad arguments') end
local id, model, version, at_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local rollout, running = KEYS[1] .. 'rollout:' .. id, KEYS[2] .. 'model:' .. model .. ':running'
local release = redis.call('HMGET', KEYS[1] .. 'release:' .. model .. ':' .. version, 'model', 'manifest_sha256', 'refused')
if not release[1] then return { 'NOT_FOUND' } end
if not release[2] or release[3] then return { 'REFUSED', release[3] or '' } end
if redis.call('EXISTS', rollout) == 1 then return { 'DUPLICATE' } end
local other = redis.call('GET', running)
if other and ARGV[4] ~= '1' then return { 'CONFLICT', other } end

if other then
  local key = KEYS[1] .. 'rollout:' .. other
  local had = redis.call('HMGET', key, 'state', 'version', 'epoch')
  local revision = redis.call('HINCRBY', key, 'revision', 1)
  local epoch = string.format('%.0f', math.max(tonumber(at_ms), tonumber(had[3]) + 1))
  redis.call('HSET', key, 'state', 'superseded', 'why', ARGV[8], 'epoch', epoch)
  redis.call('SREM', KEYS[2] .. 'running', other)
  redis.call('UNLINK', KEYS[2] .. 'rollout:' .. other .. ':done')
  if redis.call('EXISTS', KEYS[2] .. 'rollout:' .. other .. ':live') == 1 then redis.call('SADD', KEYS[2] .. 'ending', other) end
  event_add(ARGV[7], { at_ms = at_ms, kind = 'rollout', model = model, rollout = other, from = had[1], to = 'superseded', on = 'supersede',
    revision = revision, version = had[2], why = ARGV[8], instance = ARGV[6] })
end
redis.call('HSET', rollout, unpack(ARGV, 9))
redis.call('ZADD', KEYS[1] .. 'rollouts', at_ms, id)
redis.call('SADD', KEYS[2] .. 'running', id)
redis.call('SET', running, id)
local new = redis.call('HMGET', rollout, 'state', 'revision', 'why')
event_add(ARGV[7], { at_ms = at_ms, kind = 'rollout', model = model, rollout = id, to = new[1], on = 'open', revision = new[2],
  version = version, why = new[3], instance = ARGV[6] })
return { 'OK', redis.call('HGETALL', rollout), redis.call('HGETALL', KEYS[1] .. 'release:' .. model .. ':' .. version) }
