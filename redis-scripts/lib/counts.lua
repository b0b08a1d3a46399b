-- counts: exact counters in hashes. A count that falls to 0 is removed, so that versions and states of the past leave nothing behind.
-- One is said as text: Redis writes a number as a fraction first, which costs half as much as the count itself.
local BY = { [1] = '1', [-1] = '-1' }
local function count(key, field, by)
  if redis.call('HINCRBY', key, field, BY[by] or by) == 0 then
    redis.call('HDEL', key, field)
  end
end

-- A model of which nothing is counted any more is forgotten: a device that makes up models leaves none behind.
local function forget_empty_model(model)
  if redis.call('EXISTS', KEYS[1] .. 'model:' .. model) == 0 then
    redis.call('SREM', KEYS[1] .. 'models', model)
  end
end
