#!lua flags=no-writes
-- releases_due: releases with which something is still to be done.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  deltas: some are to be derived; unproved: not verified against this trust store or a newer one
-- ARGV[2]  most of them   ARGV[3]  version of the trust store   ARGV[4]  its SHA-256
-- Returns the fields of each (flat).

local result, max = {}, tonumber(ARGV[2])
if ARGV[1] == 'deltas' then
  for _, name in ipairs(redis.call('SMEMBERS', KEYS[2] .. 'deltas')) do
    if #result >= max then break end
    result[#result + 1] = redis.call('HGETALL', KEYS[1] .. 'release:' .. name)
  end
  return result
end
local version = tonumber(ARGV[3])
if ARGV[1] ~= 'unproved' or not version then return redis.error_reply('ERR releases_due: bad arguments') end
for _, name in ipairs(redis.call('ZREVRANGE', KEYS[1] .. 'releases', 0, -1)) do
  if #result >= max then break end
  local key = KEYS[1] .. 'release:' .. name
  local had = redis.call('HMGET', key, 'manifest_sha256', 'trust_version', 'trust_sha256')
  local at = tonumber(had[2] or '0')
  if had[1] and (at < version or (at == version and had[3] ~= ARGV[4])) then result[#result + 1] = redis.call('HGETALL', key) end
end
return result
