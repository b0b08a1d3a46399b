#!lua flags=no-writes
-- releases_load: releases, newest first.
--
-- KEYS[1]  prefix of readers' keys      ARGV[1]  model, '' for all   ARGV[2]  most of them
-- Returns the fields of each (flat).

local result, max = {}, tonumber(ARGV[2])
local prefix = ARGV[1] .. ':'
for _, name in ipairs(redis.call('ZREVRANGE', KEYS[1] .. 'releases', 0, -1)) do
  if #result >= max then break end
  if ARGV[1] == '' or string.sub(name, 1, #prefix) == prefix then
    result[#result + 1] = redis.call('HGETALL', KEYS[1] .. 'release:' .. name)
  end
end
return result
