#!lua
-- seal_add: adds a seal of a log (the events, the audit) behind the one that it goes on from.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  instance   ARGV[2]  sha256 of the newest seal as the caller read it, '': there is none   ARGV[3]  seals to keep
-- ARGV[4]  its stream of seals: seals, audit_seals
-- then name and value of every field of the seal
--
-- Returns {'OK', its id}, {'NOT_LEADER'}, or {'CONFLICT'}: somebody else has sealed. Nothing is written unless OK.

if #ARGV < 6 or (#ARGV - 4) % 2 ~= 0 then return redis.error_reply('ERR seal_add: bad arguments') end
if redis.call('GET', KEYS[2] .. 'leader') ~= ARGV[1] then return { 'NOT_LEADER' } end
local seals, newest = KEYS[1] .. ARGV[4], ''
for _, entry in ipairs(redis.call('XREVRANGE', seals, '+', '-', 'COUNT', 1)) do
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'sha256' then newest = entry[2][i + 1] end
  end
end
if newest ~= ARGV[2] then return { 'CONFLICT' } end
return { 'OK', redis.call('XADD', seals, 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 5)) }
