-- settle: keeps what hangs on an upgrade's state right: counts of rollout, stage, site and model, live and done sets, deadline index, and
-- `ending`. Includes counts and states. Who had a turn in a rollout that has ended is
-- nobody's question: then there is no done set (lib/place.lua). A stage also remembers when a device of it was last taken and last settled.
-- was and now: tables with rollout, model, state, attempt, error; was.state is 'none' for a new one. now.stage and now.site: nil when none.
-- facts: the device's; nil: read them when they change. Returns the fields of the device that change with it, names and values, for the caller to write with its own:
-- where its upgrade stands, and the marker in `facts`.
local ended = { cancelled = true, superseded = true, rolled_back = true }
local unsuccessful = { failed = true, rolled_back = true, rejected = true, lost = true }
local placeless = { lost = true, held = true }
local settled = { succeeded = true, failed = true, rolled_back = true, rejected = true, lost = true }

-- Who leaves a state that gates leave out (lib/before.lua) counts like all others when it comes there again: no more are left out than there still are.
local function before_shrink(rollout, stage, field)
  local current = rollout .. ':stage:' .. (redis.call('HGET', rollout, 'stage') or '')
  local had = redis.call('HMGET', current, 'before:' .. field, 'before_of')
  local of = had[2] == 'all' and rollout or current
  if not had[1] or (of == current and stage ~= current) then return end
  local left = redis.call('HGET', of, field) or '0'
  if tonumber(left) < tonumber(had[1]) then redis.call('HSET', current, 'before:' .. field, left) end
end

local function settle(device_id, was, now, deadline_ms, at_ms, facts)
  local rollout = KEYS[1] .. 'rollout:' .. now.rollout
  local model = KEYS[1] .. 'model:' .. now.model
  local live = KEYS[2] .. 'rollout:' .. now.rollout .. ':live'
  local done = KEYS[2] .. 'rollout:' .. now.rollout .. ':done'
  local was_live = STATE_LIVE[was.state] or false
  local is_live = STATE_LIVE[now.state] or false

  local stage = now.stage and rollout .. ':stage:' .. now.stage
  local function count_both(field, by)
    count(rollout, field, by)
    if stage then count(stage, field, by) end
  end

  if was.state ~= now.state then
    if was.state ~= 'none' then
      count_both('state:' .. was.state, -1)
      count(model, 'state:' .. was.state, -1)
      if stage and settled[was.state] then before_shrink(rollout, stage, 'state:' .. was.state) end
    end
    count_both('state:' .. now.state, 1)
    count(model, 'state:' .. now.state, 1)
    if stage and was.state == 'none' then redis.call('HSET', stage, 'opened_ms', at_ms) end
    if stage and settled[now.state] then redis.call('HSET', stage, 'settled_ms', at_ms) end
  end
  local error_was = unsuccessful[was.state] and was.error or ''
  local error_now = unsuccessful[now.state] and now.error or ''
  if error_was ~= error_now then
    if error_was ~= '' then
      count_both('error:' .. error_was, -1)
      if stage then before_shrink(rollout, stage, 'error:' .. error_was) end
    end
    if error_now ~= '' then count_both('error:' .. error_now, 1) end
  end
  if tonumber(was.attempt) < 2 and tonumber(now.attempt) >= 2 then count(rollout, 'retried', 1) end

  if now.site then
    local flew, flies = was_live and not placeless[was.state], is_live and not placeless[now.state]
    if flew ~= flies then count(rollout .. ':sites', now.site, flies and 1 or -1) end
  end

  if is_live and not was_live then
    if was.state ~= 'none' then redis.call('SREM', done, device_id) end   -- a new one is of nobody who had a turn
    redis.call('SADD', live, device_id)
    if ended[redis.call('HGET', rollout, 'state')] then redis.call('SADD', KEYS[2] .. 'ending', now.rollout) end
  elseif was_live and not is_live then
    redis.call('SREM', live, device_id)
    if not ended[redis.call('HGET', rollout, 'state')] then redis.call('SADD', done, device_id) end
    if redis.call('EXISTS', live) == 0 then redis.call('SREM', KEYS[2] .. 'ending', now.rollout) end
  end
  if is_live and tonumber(deadline_ms) > 0 then
    redis.call('ZADD', KEYS[2] .. 'deadlines', deadline_ms, device_id)
  else
    redis.call('ZREM', KEYS[2] .. 'deadlines', device_id)
  end

  local shown = { 'state', now.state, 'attempt', now.attempt }
  local function show(name, value)
    shown[#shown + 1] = name
    shown[#shown + 1] = value
  end
  if was.state == 'none' then
    show('rollout', now.rollout)
    show('upgrade', now.upgrade_id)
    show('from_version', now.from_version)
    show('target', now.version)
  end
  -- an L before its facts makes every heartbeat of a live one come to the flow
  if is_live ~= was_live then
    facts = facts or redis.call('HGET', KEYS[1] .. 'device:' .. device_id, 'facts') or '0'
    show('facts', (is_live and 'L' or '') .. string.gsub(facts, '^[LN]', ''))
  end
  return shown
end
