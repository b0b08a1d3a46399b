-- place: a model has one place for a rollout; whoever runs, is paused, completed or goes back holds it. Includes events.

-- Lets the place of an ended rollout go; what is still live in it is worked off as `ending`.
local function place_leave(id, model)
  local running = KEYS[2] .. 'model:' .. model .. ':running'
  if redis.call('GET', running) == id then redis.call('DEL', running) end
  redis.call('SREM', KEYS[2] .. 'running', id)
  local shown = KEYS[1] .. 'rollout:' .. id
  redis.call('UNLINK', shown .. ':proposal', shown .. ':proposal:plan', shown .. ':excluded', shown .. ':excluded:why')
  local of = KEYS[2] .. 'rollout:' .. id
  redis.call('UNLINK', of .. ':done', of .. ':back', of .. ':back:rest', of .. ':again', of .. ':again:rest', of .. ':queue', of .. ':turns', of .. ':pace')
  if redis.call('EXISTS', KEYS[2] .. 'rollout:' .. id .. ':live') == 1 then redis.call('SADD', KEYS[2] .. 'ending', id) end
end

-- Whoever is in the way of a new rollout of the model: nil, or its id. A completed one is never in the way.
local function place_taken(model, supersede)
  local other = redis.call('GET', KEYS[2] .. 'model:' .. model .. ':running')
  if not other or supersede then return nil end
  if redis.call('HGET', KEYS[1] .. 'rollout:' .. other, 'state') == 'completed' then return nil end
  return other
end

-- Takes the place; another one that holds it is superseded. e: at_ms, keep, why, instance.
local function place_take(id, model, e)
  local running = KEYS[2] .. 'model:' .. model .. ':running'
  local other = redis.call('GET', running)
  if other and other ~= id then
    local key = KEYS[1] .. 'rollout:' .. other
    local had = redis.call('HMGET', key, 'state', 'version', 'epoch')
    local revision = redis.call('HINCRBY', key, 'revision', 1)
    local epoch = string.format('%.0f', math.max(tonumber(e.at_ms), tonumber(had[3]) + 1))
    redis.call('HSET', key, 'state', 'superseded', 'why', e.why, 'epoch', epoch)
    place_leave(other, model)
    event_add(e.keep, { at_ms = e.at_ms, kind = 'rollout', model = model, rollout = other, from = had[1], to = 'superseded', on = 'supersede',
      revision = revision, version = had[2], why = e.why, instance = e.instance, stage = redis.call('HGET', key, 'stage') })
  end
  redis.call('SREM', KEYS[2] .. 'waiting', id)
  redis.call('SADD', KEYS[2] .. 'running', id)
  redis.call('SET', running, id)
end
