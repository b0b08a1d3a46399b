-- load: a device with its upgrade, for whoever decides: its fields, its upgrade's fields (flat, maybe empty), when it was last seen ('' never).
local function load(result, id)
  result[#result + 1] = redis.call('HGETALL', KEYS[1] .. 'device:' .. id)
  result[#result + 1] = redis.call('HGETALL', KEYS[1] .. 'upgrade:' .. id)
  result[#result + 1] = redis.call('ZSCORE', KEYS[1] .. 'seen', id) or ''
end
