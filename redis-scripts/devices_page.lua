#!lua flags=no-writes
-- devices_page: one page of the list of devices, in the order of a scan, filtered.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  cursor, "0:0" at the start: "<scan cursor>:<devices of that step shown already>"   ARGV[2]  rows wanted
-- ARGV[3]  most devices to look at   ARGV[4]  model   ARGV[5]  version   ARGV[6]  state ('none': no upgrade)   ARGV[7]  online;
-- '' each: any
-- Returns {next cursor or '', then for each row: device id, its fields, last seen}, or {'BAD_CURSOR'}.

local cursor, skip = string.match(ARGV[1], '^(%d+):(%d+)$')
if not cursor or #cursor > 19 or #skip > 9 then return { 'BAD_CURSOR' } end
skip = tonumber(skip)
local rows, budget = tonumber(ARGV[2]), tonumber(ARGV[3])
local result, found = { '' }, 0

local function matches(key)
  local had = redis.call('HMGET', key, 'model', 'version', 'state', 'online')
  return had[1] and (ARGV[4] == '' or had[1] == ARGV[4]) and (ARGV[5] == '' or had[2] == ARGV[5])
    and (ARGV[6] == '' or (had[3] or 'none') == ARGV[6]) and (ARGV[7] == '' or had[4] == ARGV[7])
end

repeat
  local step = redis.call('ZSCAN', KEYS[1] .. 'seen', cursor, 'COUNT', 50)
  local pairs_ = step[2]
  for i = 2 * skip + 1, #pairs_, 2 do
    if found == rows or budget == 0 then
      result[1] = cursor .. ':' .. string.format('%d', (i - 1) / 2)
      return result
    end
    budget = budget - 1
    local key = KEYS[1] .. 'device:' .. pairs_[i]
    if matches(key) then
      found = found + 1
      result[#result + 1] = pairs_[i]
      result[#result + 1] = redis.call('HGETALL', key)
      result[#result + 1] = pairs_[i + 1]
    end
  end
  cursor, skip = step[1], 0
until cursor == '0'
return result
