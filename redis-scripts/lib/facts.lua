-- facts: what an entry's script wrote besides what the entry's other fields say, as JSON for its field `facts` (proto/event_facts.h); nil: nothing.
-- set: names and values, flat. unset: names. plan: a plan's JSON; one that is longer than an entry takes is named by its size here and by the
-- rollout's plan_sha256 in `set`.
local PLAN_LOGGED_MAX = 32768

local function facts_of(set, unset, plan, stratum)
  local parts = {}
  local function put(name, value) parts[#parts + 1] = '"' .. name .. '":' .. value end
  if #set > 0 then put('set', cjson.encode(set)) end
  if unset and #unset > 0 then put('unset', cjson.encode(unset)) end
  if stratum and stratum ~= '' then put('stratum', cjson.encode(stratum)) end
  if plan and plan ~= '' then
    if #plan <= PLAN_LOGGED_MAX then put('plan', plan) else put('plan_bytes', #plan) end
  end
  if #parts == 0 then return nil end
  return '{' .. table.concat(parts, ',') .. '}'
end

-- The arguments from ARGV[first] on.
local function rest_of(first)
  local rest = {}
  for i = first, #ARGV do rest[#rest + 1] = ARGV[i] end
  return rest
end
