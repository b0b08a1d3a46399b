-- settle: keeps what hangs on an upgrade's state right: counts of rollout, stage, site and model, live and done sets, deadline index, and
-- `ending`. Includes counts and states. Who had a turn in a rollout that has ended is
-- nobody's question: then there is no done set (lib/place.lua). A stage also remembers when a device of it was last taken and last settled.
-- stage_number and site: nil when none. state_was: 'none' for a new upgrade. facts: the device's; nil: read them when they change.
-- Returns the marker for the device's `facts` when that changes with it, for the caller to write with what else it writes; nil: it does not.
local function is_unsuccessful(state) return state == 'failed' or state == 'rolled_back' or state == 'rejected' or state == 'lost' end
local function holds_place(state) return is_live(state) and state ~= 'lost' and state ~= 'held' end

local function settle(device_id, rollout_id, model_id, stage_number, site, state_was, state, attempt_was, attempt, error_was, error, deadline_ms, at_ms, facts)
  local call = redis.call
  local rollout, model = KEYS[1] .. 'rollout:' .. rollout_id, KEYS[1] .. 'model:' .. model_id
  local stage = stage_number and rollout .. ':stage:' .. stage_number
  local was_live, now_live = is_live(state_was), is_live(state)
  if not is_unsuccessful(state_was) then error_was = '' end
  if not is_unsuccessful(state) then error = '' end

  if state_was ~= state then
    if state_was ~= 'none' then
      local field = 'state:' .. state_was
      count(rollout, field, DOWN)
      count(model, field, DOWN)
      if stage then count(stage, field, DOWN) end
    end
    local field = 'state:' .. state
    count(rollout, field, UP)
    count(model, field, UP)
    if stage then
      count(stage, field, UP)
      if state_was == 'none' then call('HSET', stage, 'opened_ms', at_ms) end
      if state == 'succeeded' or is_unsuccessful(state) then call('HSET', stage, 'settled_ms', at_ms) end
    end
  end
  if error_was ~= error then
    if error_was ~= '' then
      count(rollout, 'error:' .. error_was, DOWN)
      if stage then count(stage, 'error:' .. error_was, DOWN) end
    end
    if error ~= '' then
      count(rollout, 'error:' .. error, UP)
      if stage then count(stage, 'error:' .. error, UP) end
    end
  end
  if stage and (error_was ~= error or state_was ~= state) and (state_was == 'succeeded' or is_unsuccessful(state_was)) then
    -- Who leaves a state that gates leave out (lib/before.lua) counts like all others when it comes there again: no more are left out than there still are.
    local function before_shrink(field)
      local current = rollout .. ':stage:' .. (call('HGET', rollout, 'stage') or '')
      local had = call('HMGET', current, 'before:' .. field, 'before_of')
      local of = had[2] == 'all' and rollout or current
      if not had[1] or (of == current and stage ~= current) then return end
      local left = call('HGET', of, field) or '0'
      if tonumber(left) < tonumber(had[1]) then call('HSET', current, 'before:' .. field, left) end
    end
    counts_write()
    if state_was ~= state then before_shrink('state:' .. state_was) end
    if error_was ~= error and error_was ~= '' then before_shrink('error:' .. error_was) end
  end
  if attempt_was ~= attempt and tonumber(attempt_was) < 2 and tonumber(attempt) >= 2 then count(rollout, 'retried', UP) end

  if site and holds_place(state_was) ~= holds_place(state) then
    count(rollout .. ':sites', site, holds_place(state) and UP or DOWN)
  end

  if now_live and deadline_ms ~= '0' then
    call('ZADD', KEYS[2] .. 'deadlines', deadline_ms, device_id)
  else
    call('ZREM', KEYS[2] .. 'deadlines', device_id)
  end
  if now_live == was_live then return nil end

  local live, done, ending = KEYS[2] .. 'rollout:' .. rollout_id .. ':live', KEYS[2] .. 'rollout:' .. rollout_id .. ':done', KEYS[2] .. 'ending'
  local at = call('HGET', rollout, 'state')
  local ended = at == 'cancelled' or at == 'superseded' or at == 'rolled_back'
  if now_live then
    if state_was ~= 'none' then call('SREM', done, device_id) end   -- a new one is of nobody who had a turn
    call('SADD', live, device_id)
    if ended then call('SADD', ending, rollout_id) end
  else
    call('SREM', live, device_id)
    if not ended then call('SADD', done, device_id) end
    if call('EXISTS', live) == 0 then call('SREM', ending, rollout_id) end
  end
  -- an L before its facts makes every heartbeat of a live one come to the flow
  facts = facts or call('HGET', KEYS[1] .. 'device:' .. device_id, 'facts') or '0'
  return (now_live and 'L' or '') .. string.gsub(facts, '^[LN]', '')
end
