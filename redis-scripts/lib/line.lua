-- line: who may stand in a rollout's line. of: the prefix of the rollout's private keys.
-- What the device's live upgrade in that rollout is: held (until a window opens; it wants its place again), live (it has one), or nil: there is none.
local function upgrade_in(of, id)
  if redis.call('SISMEMBER', of .. ':live', id) == 0 then return nil end
  return redis.call('HGET', KEYS[1] .. 'upgrade:' .. id, 'state') == 'held' and 'held' or 'live'
end
