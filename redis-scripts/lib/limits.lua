-- limits: what all instances keep together, because it is counted here.

local function is_stopped()
  return redis.call('EXISTS', KEYS[1] .. 'stop') == 1
end

-- Live upgrades of a rollout that hold a place: all but the lost ones.
local function in_flight(rollout)
  local lost = redis.call('HGET', KEYS[1] .. 'rollout:' .. rollout, 'state:lost') or '0'
  return redis.call('SCARD', KEYS[2] .. 'rollout:' .. rollout .. ':live') - tonumber(lost)
end

-- What a move of an upgrade in this state is counted against: one that holds a place already can only take one among those that go back.
local function places_taken(rollout, state)
  if STATE_LIVE[state] and state ~= 'lost' then
    return tonumber(redis.call('HGET', KEYS[1] .. 'rollout:' .. rollout, 'state:rolling_back') or '0')
  end
  return in_flight(rollout)
end

-- So many a minute, spread evenly: GCRA (ITU-T I.371), with a burst of 5 s. False: not now; true: it is counted. A time further ahead than any pace
-- comes to was written before the clock was set back (schedule.c).
local function pace_take(rollout, per_minute, at_ms)
  local pace, now_ms = KEYS[2] .. 'rollout:' .. rollout .. ':pace', tonumber(at_ms)
  local next_ms, each_ms = math.max(tonumber(redis.call('GET', pace) or '0'), now_ms), 60000 / tonumber(per_minute)
  if next_ms - now_ms > 120000 then next_ms = now_ms end
  if next_ms - now_ms > math.max(5000, each_ms) - each_ms then return false end
  redis.call('SET', pace, string.format('%.3f', next_ms + each_ms), 'PX', string.format('%.0f', next_ms + each_ms - now_ms + 60000))
  return true
end
