-- counts_later: as lib/counts.lua, for many at once: they are added up, and written when counts_write is called: at the end, and before any is read.
local UP, DOWN = 1, -1
local counts = {}
local function count(key, field, by)
  local of = counts[key]
  if not of then
    of = {}
    counts[key] = of
  end
  of[field] = (of[field] or 0) + by
end

-- A count that Redis refuses (something else is in its place) costs no other one.
local function counts_write()
  local due = counts
  counts = {}
  for key, fields in pairs(due) do
    for field, by in pairs(fields) do
      if by ~= 0 and redis.pcall('HINCRBY', key, field, string.format('%d', by)) == 0 then redis.call('HDEL', key, field) end
    end
  end
end
