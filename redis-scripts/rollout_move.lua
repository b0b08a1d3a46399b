#!lua
-- rollout_move: pauses, resumes, cancels a rollout: a change of its state that is legal from the states the caller names.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  rollout id   ARGV[2]  state to go to   ARGV[3]  states it may be in now, "running,paused"
-- ARGV[4]  expected revision, 0: any   ARGV[5]  on   ARGV[6]  why   ARGV[7]  at_ms   ARGV[8]  instance   ARGV[9]  events to keep
-- ARGV[10] 1: it keeps its model's place (running and paused do)
--
-- Returns {'OK', rollout's fields, release's fields}, {'NOT_FOUND'}, {'REFUSED', state}, or {'CONFLICT', revision}.
-- @include lib/events.lua

if not tonumber(ARGV[7]) then return redis.error_reply('ERR rollout_move: bad arguments') end
local id = ARGV[1]
local key = KEYS[1] .. 'rollout:' .. id
local had = redis.call('HMGET', key, 'state', 'revision', 'epoch', 'model', 'version')
if not had[1] then return { 'NOT_FOUND' } end
if ARGV[4] ~= '0' and ARGV[4] ~= had[2] then return { 'CONFLICT', had[2] } end
if not string.find(',' .. ARGV[3] .. ',', ',' .. had[1] .. ',', 1, true) then return { 'REFUSED', had[1] } end

local revision = redis.call('HINCRBY', key, 'revision', 1)
local epoch = string.format('%.0f', math.max(tonumber(ARGV[7]), tonumber(had[3]) + 1))
redis.call('HSET', key, 'state', ARGV[2], 'why', ARGV[6], 'epoch', epoch)
if ARGV[10] ~= '1' then
  local running = KEYS[2] .. 'model:' .. had[4] .. ':running'
  if redis.call('GET', running) == id then redis.call('DEL', running) end
  redis.call('SREM', KEYS[2] .. 'running', id)
  redis.call('UNLINK', KEYS[2] .. 'rollout:' .. id .. ':done')
  if redis.call('EXISTS', KEYS[2] .. 'rollout:' .. id .. ':live') == 1 then redis.call('SADD', KEYS[2] .. 'ending', id) end
end
event_add(ARGV[9], { at_ms = ARGV[7], kind = 'rollout', model = had[4], rollout = id, from = had[1], to = ARGV[2], on = ARGV[5],
  revision = revision, version = had[5], why = ARGV[6], instance = ARGV[8] })
return { 'OK', redis.call('HGETALL', key), redis.call('HGETALL', KEYS[1] .. 'release:' .. had[4] .. ':' .. had[5]) }
