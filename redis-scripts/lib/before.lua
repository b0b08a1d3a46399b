-- before: keeps what a rollout's gates shall leave out, as `before:<count>` in the hash of its current stage: the counts of that stage when it
-- is resumed, those of all (`before_of` is `all` then) when the last stage is passed.

local counted = { '^opened$', '^state:', '^error:' }

local function is_count(name)
  for _, pattern in ipairs(counted) do
    if string.find(name, pattern) then return true end
  end
  return false
end

-- what: stage (it is resumed, at at_ms), all, or keep: nothing changes. rollout: its key.
local function before_take(rollout, what, at_ms)
  local number = what ~= 'keep' and redis.call('HGET', rollout, 'stage')
  if not number or number == '0' then return end
  local stage = rollout .. ':stage:' .. number
  local old = redis.call('HKEYS', stage)
  for _, name in ipairs(old) do
    if string.find(name, '^before:') then redis.call('HDEL', stage, name) end
  end
  local now = redis.call('HGETALL', what == 'all' and rollout or stage)
  for i = 1, #now, 2 do
    if is_count(now[i]) then redis.call('HSET', stage, 'before:' .. now[i], now[i + 1]) end
  end
  if what == 'stage' then
    redis.call('HSET', stage, 'resumed_ms', at_ms)
    redis.call('HDEL', stage, 'before_of')
  else
    redis.call('HSET', stage, 'before_of', 'all')
  end
end
