#!lua
-- heartbeat_record: takes a batch of heartbeats, no device twice; the hot path.
--
-- KEYS[1]  prefix of readers' keys      KEYS[2]  prefix of private keys
-- ARGV[1]  one character a beat: '0' + 1 (long form) + 2 (load it even if nothing changed) + 4 (the device sends no boot id)
--          + 8 (it says that it is unwell)
-- ARGV[2]  instance   ARGV[3]  events to keep   ARGV[4]  how often an older boot must follow the newest one to make a clash
-- ARGV[5]  ms between two alarms about one clash
-- then for every beat: at_ms, device id; then for every beat: facts, seq ('' when it has none);
-- then for every long form, in order: model version hw_rev status slot boot_id network rssi_dbm battery_pct priority tags tz kind
-- booted_ms, each '' when absent
--
-- Returns an array: first a string, one character a beat
--   0  taken, nothing to decide      L  taken, record follows     S  stale     C  clash     F  send the long form
-- then for every L: the device's fields, its upgrade's fields (flat arrays; the second may be empty)
--
-- `facts` in a record is the fingerprint of all that a heartbeat says but time, seq and uptime. Plain: the short form is enough.
-- L<facts>: the upgrade is live, always load. N<facts>: news, load once more (the first answer may have been lost). 0: ask.
-- @include lib/counts.lua
-- @include lib/models.lua
-- @include lib/events.lua
-- @include lib/on.lua
-- @include lib/online.lua
-- @states

local call = redis.call
local flags = ARGV[1]
local beats = #flags
local keep, instance = ARGV[3], ARGV[2]
local clash_max, alarm_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local device_prefix, upgrade_prefix = KEYS[1] .. 'device:', KEYS[1] .. 'upgrade:'
local times = 4                          -- ARGV[times + 2i], [times + 2i + 1]: at_ms and id of beat i
local facts_at = times + 2 * beats       -- ARGV[facts_at + 2i], [facts_at + 2i + 1]: facts and seq
local next_long = facts_at + 2 * beats + 2
local fields = { 'model', 'version', 'hw_rev', 'status', 'slot', 'boot_id', 'network', 'rssi_dbm', 'battery_pct', 'priority',
  'tags', 'tz', 'kind', 'booted_ms' }
local MODEL, VERSION, STATUS, BOOT_ID = 0, 1, 3, 5   -- offsets in fields
local result = { '' }
local swept_ms                           -- devices last seen up to then are offline; read when first needed

if #ARGV < facts_at + 2 * beats + 1 then return redis.error_reply('ERR heartbeat_record: too few arguments') end

local function load(id)
  result[#result + 1] = call('HGETALL', device_prefix .. id)
  result[#result + 1] = call('HGETALL', upgrade_prefix .. id)
end

local function may_be_online(at_ms)
  swept_ms = swept_ms or tonumber(call('HGET', KEYS[2] .. 'sweep', 'offline_ms') or '0')
  return tonumber(at_ms) > swept_ms
end

local function short_form(id, facts, seq, want, bootless)
  local key = device_prefix .. id
  local had = call('HMGET', key, 'facts', 'seq')
  local calm = had[1] == facts
  local news = not calm and had[1] == 'N' .. facts
  if not calm and not news and had[1] ~= 'L' .. facts then return 'F' end
  if seq ~= '' then
    if seq == had[2] or (not bootless and tonumber(seq) < tonumber(had[2])) then return 'S' end
    call('HSET', key, 'seq', seq)
  end
  if calm and not want then return '0' end
  if news then call('HSET', key, 'facts', facts) end
  load(id)
  return 'L'
end

-- The boot before the newest one speaks: old news, late or replayed, however much of it comes at once. But when the newest one spoke
-- between two such heartbeats, again and again, then two devices share the identity. And when only the older one speaks for so
-- long that a silent device is swept, then it is the one that lives, and what looked like a reboot was old news: nil, take it.
local function older_boot(key, id, at_ms, model)
  local had = call('HMGET', key, 'clash_ms', 'last_event', 'clash_seen', 'clash_from')
  local seen = call('ZSCORE', KEYS[1] .. 'seen', id)
  if had[3] == seen then
    if may_be_online(had[4]) then return 'S' end
    return nil
  end
  call('HSET', key, 'clash_seen', seen, 'clash_from', at_ms)
  if call('HINCRBY', key, 'clash', 1) < clash_max then return 'S' end
  call('HSET', key, 'clash_ms', at_ms)
  if not had[1] or tonumber(at_ms) - tonumber(had[1]) >= alarm_ms then
    local alarm = event_add(keep, { at_ms = at_ms, kind = 'alarm', device = id, model = model, on = 'clash',
      why = 'two devices use this id: boot ids alternate', prev = had[2], instance = instance })
    call('HSET', key, 'last_event', alarm)
    local upgrade = upgrade_prefix .. id
    if call('EXISTS', upgrade) == 1 then call('HSET', upgrade, 'last_event', alarm) end
  end
  return 'C'
end

local function first_contact(key, at_ms, facts, seq, first, unwell)
  local online = may_be_online(at_ms)
  local set = { 'facts', online and facts or '0', 'seq', seq ~= '' and seq or '-1' }
  for i, name in ipairs(fields) do
    if ARGV[first + i - 1] ~= '' then
      set[#set + 1] = name
      set[#set + 1] = ARGV[first + i - 1]
    end
  end
  if unwell then
    set[#set + 1] = 'unhealthy'
    set[#set + 1] = '1'
  end
  local model, version = ARGV[first + MODEL], ARGV[first + VERSION]
  call('HSET', key, unpack(set))
  call('HSET', key, 'online', '0', 'first_seen_ms', at_ms)
  call('SADD', KEYS[1] .. 'models', model)
  count(KEYS[1] .. 'fleet', 'devices', '1')
  count(KEYS[1] .. 'model:' .. model, 'devices', '1')
  count(KEYS[1] .. 'model:' .. model, 'version:' .. version, '1')
  on_count(model, version, 'devices', '1')
  if unwell then on_count(model, version, 'unhealthy', '1') end
  if online then set_online(key, model, version, true) end
end

local function move_counts(model_was, version_was, model, version, online, unwell)
  count(KEYS[1] .. 'model:' .. model_was, 'version:' .. version_was, '-1')
  count(KEYS[1] .. 'model:' .. model, 'version:' .. version, '1')
  on_count(model, version, 'devices', '1')
  for field, is in pairs({ online = online, unhealthy = unwell }) do
    if is then
      on_count(model_was, version_was, field, '-1')
      on_count(model, version, field, '1')
    end
  end
  on_leave(model_was, version_was)
  if model_was ~= model then
    call('SADD', KEYS[1] .. 'models', model)
    count(KEYS[1] .. 'model:' .. model_was, 'devices', '-1')
    count(KEYS[1] .. 'model:' .. model, 'devices', '1')
    if online then
      count(KEYS[1] .. 'model:' .. model_was, 'online', '-1')
      count(KEYS[1] .. 'model:' .. model, 'online', '1')
    end
    forget_empty_model(model_was)
  end
end

local function long_form(id, at_ms, facts, seq, want, first, unwell)
  local key = device_prefix .. id
  local had = call('HMGET', key, 'seq', 'model', 'version', 'boot_id', 'boot_prev', 'online', 'state', 'status', 'unhealthy')
  if not had[2] then
    first_contact(key, at_ms, facts, seq, first, unwell)
    if not want then return '0' end
    load(id)
    return 'L'
  end
  local model, version, boot_id = ARGV[first + MODEL], ARGV[first + VERSION], ARGV[first + BOOT_ID]
  local new_boot = boot_id ~= '' and boot_id ~= had[4]
  local old_news = new_boot and boot_id == had[5] and older_boot(key, id, at_ms, had[2])
  if old_news then return old_news end
  if not new_boot and seq ~= '' then
    if seq == had[1] or (boot_id ~= '' and tonumber(seq) < tonumber(had[1])) then return 'S' end
  end

  local has_upgrade, live = had[7] and had[7] ~= 'none', is_live(had[7])
  local news = new_boot or model ~= had[2] or version ~= had[3] or ARGV[first + STATUS] ~= (had[8] or '')
  local mark = live and 'L' or (has_upgrade and news) and 'N' or ''
  local online = had[6] == '1' or may_be_online(at_ms)   -- one that stays offline must come in its long form again
  local set, gone = { 'facts', online and mark .. facts or '0' }, {}
  if seq ~= '' then set[3] = 'seq' set[4] = seq end
  for i, name in ipairs(fields) do
    local value = ARGV[first + i - 1]
    if value ~= '' then
      set[#set + 1] = name
      set[#set + 1] = value
    elseif name ~= 'kind' then           -- what the device was once seen to be stays
      gone[#gone + 1] = name
    end
  end
  if new_boot then
    for _, name in ipairs({ 'clash', 'clash_seen', 'clash_from' }) do gone[#gone + 1] = name end
    if had[4] then
      set[#set + 1] = 'boot_prev'
      set[#set + 1] = had[4]
    end
  end
  local was_unwell, moved = had[9] == '1', model ~= had[2] or version ~= had[3]
  if unwell then
    set[#set + 1] = 'unhealthy'
    set[#set + 1] = '1'
  elseif was_unwell then
    gone[#gone + 1] = 'unhealthy'
  end
  call('HSET', key, unpack(set))
  if #gone > 0 then call('HDEL', key, unpack(gone)) end
  if moved then move_counts(had[2], had[3], model, version, had[6] == '1', was_unwell) end
  if unwell ~= was_unwell then on_count(model, version, 'unhealthy', unwell and '1' or '-1') end
  if new_boot and had[4] and not live and not moved then on_count(model, version, 'reboots', '1') end
  if online and had[6] ~= '1' then set_online(key, model, version, true) end
  if not (want or mark ~= '') then return '0' end
  load(id)
  return 'L'
end

local codes, taken, all = {}, {}, true
for i = 1, beats do
  local flag = string.byte(flags, i) - 48
  local at_ms, id = ARGV[times + 2 * i], ARGV[times + 2 * i + 1]
  local facts, seq = ARGV[facts_at + 2 * i], ARGV[facts_at + 2 * i + 1]
  local want = flag % 4 >= 2
  local code
  if flag % 2 == 0 then
    code = short_form(id, facts, seq, want, flag % 8 >= 4)
  else
    code = long_form(id, at_ms, facts, seq, want, next_long, flag >= 8)
    next_long = next_long + #fields
  end
  codes[i] = code
  if code == '0' or code == 'L' then
    taken[#taken + 1] = at_ms
    taken[#taken + 1] = id
  else
    all = false
  end
end
if all and beats > 0 then
  call('ZADD', KEYS[1] .. 'seen', 'GT', unpack(ARGV, times + 2, times + 1 + 2 * beats))
elseif #taken > 0 then
  call('ZADD', KEYS[1] .. 'seen', 'GT', unpack(taken))
end
result[1] = table.concat(codes)
return result
