-- limits: what all instances keep together, because it is counted here. Includes states. A limit that is nil is none.

local function is_stopped()
  return redis.call('EXISTS', KEYS[1] .. 'stop') == 1
end

-- Live upgrades of a rollout that hold a place: all but the lost ones, and those held until a window opens. Its counts of them, as they were read.
local function in_flight_but(rollout, lost, held)
  return redis.call('SCARD', KEYS[2] .. 'rollout:' .. rollout .. ':live') - tonumber(lost or '0') - tonumber(held or '0')
end

local function in_flight(rollout)
  return in_flight_but(rollout, unpack(redis.call('HMGET', KEYS[1] .. 'rollout:' .. rollout, 'state:lost', 'state:held')))
end

-- Most upgrades that hold a place at a site (nil: it has none).
local function site_full(rollout, site, most)
  return site and most and tonumber(redis.call('HGET', KEYS[1] .. 'rollout:' .. rollout .. ':sites', site) or '0') >= most
end

-- Most devices that may hold bytes of the package. Who was told, downloads, or is about to: schedule_bytes_taken in orchestrator/core/schedule.c.
local function bytes_full(rollout, most)
  if not most then return false end
  local sum = 0
  for _, n in ipairs(redis.call('HMGET', KEYS[1] .. 'rollout:' .. rollout, 'state:pending', 'state:dispatched', 'state:acknowledged', 'state:downloading',
    'state:retry_wait')) do
    sum = sum + tonumber(n or '0')
  end
  return sum >= most
end

-- What a move of an upgrade in this state is counted against: one that holds a place already can only take one among those that go back.
local function places_taken(rollout, state)
  if is_live(state) and state ~= 'lost' and state ~= 'held' then
    return tonumber(redis.call('HGET', KEYS[1] .. 'rollout:' .. rollout, 'state:rolling_back') or '0')
  end
  return in_flight(rollout)
end

-- So many a minute, spread evenly: GCRA (ITU-T I.371), with a burst of 5 s. False: not now; true: it is counted. A time further ahead than any pace
-- comes to was written before the clock was set back (schedule.c).
local function pace_take(rollout, per_minute, at_ms)
  local pace, now_ms = KEYS[2] .. 'rollout:' .. rollout .. ':pace', tonumber(at_ms)
  local next_ms, each_ms = math.max(tonumber(redis.call('GET', pace) or '0'), now_ms), 60000 / per_minute
  if next_ms - now_ms > 120000 then next_ms = now_ms end
  if next_ms - now_ms > math.max(5000, each_ms) - each_ms then return false end
  redis.call('SET', pace, string.format('%.3f', next_ms + each_ms), 'PX', string.format('%.0f', next_ms + each_ms - now_ms + 60000))
  return true
end
