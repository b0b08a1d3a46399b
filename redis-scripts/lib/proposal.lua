-- proposal: an order that waits for another person stands in `rollout:<id>:proposal`, an edit's plan in `rollout:<id>:proposal:plan`. Both expire.

local function proposal_key(id) return KEYS[1] .. 'rollout:' .. id .. ':proposal' end

-- "<number>.<approvals>" as it stands now; nil: there is none. Whoever acts on one names the stamp that he has read.
local function proposal_stamp(id)
  local had = redis.call('HMGET', proposal_key(id), 'number', 'approvals')
  return had[1] and had[1] .. '.' .. (had[2] or '0')
end

local function proposal_drop(id)
  redis.call('DEL', proposal_key(id), proposal_key(id) .. ':plan')
end
