-- models: a model of which nothing is counted any more is forgotten: a device that makes up models leaves none behind.
local function forget_empty_model(model)
  if redis.call('EXISTS', KEYS[1] .. 'model:' .. model) == 0 then
    redis.call('SREM', KEYS[1] .. 'models', model)
  end
end
