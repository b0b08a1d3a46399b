#!lua
-- export_move: moves the cursor of an exporter over what was delivered, and keeps what could not be.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  instance   ARGV[2]  exporter   ARGV[3]  the cursor as the caller read it, '': there is none   ARGV[4]  the new one
-- ARGV[5]  at_ms      ARGV[6]  dead letters to keep
-- then of each dead letter: event id, device, rollout, why, payload
--
-- Returns {'OK'}, {'NOT_LEADER'}, or {'CONFLICT'}: another instance has moved it. Nothing is written unless OK.

if #ARGV < 6 or (#ARGV - 6) % 5 ~= 0 or not tonumber(ARGV[6]) then return redis.error_reply('ERR export_move: bad arguments') end
local cursor = KEYS[2] .. 'export:' .. ARGV[2]
if redis.call('GET', KEYS[2] .. 'leader') ~= ARGV[1] then return { 'NOT_LEADER' } end
if (redis.call('GET', cursor) or '') ~= ARGV[3] then return { 'CONFLICT' } end
for i = 7, #ARGV, 5 do
  redis.call('XADD', KEYS[1] .. 'export:' .. ARGV[2] .. ':dead', 'MAXLEN', '~', ARGV[6], '*', 'at_ms', ARGV[5], 'event', ARGV[i],
    'device', ARGV[i + 1], 'rollout', ARGV[i + 2], 'why', ARGV[i + 3], 'instance', ARGV[1], 'payload', ARGV[i + 4])
end
redis.call('SET', cursor, ARGV[4])
return { 'OK' }
