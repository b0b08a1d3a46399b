-- upgrade_fields: the name-value pairs from ARGV[first] on, checked before anything is written. Returns a table, or nil and what is wrong.
local function upgrade_fields(first)
  if (#ARGV - first) % 2 ~= 1 then return nil, 'ERR fields come in pairs' end
  local fields = {}
  for i = first, #ARGV, 2 do fields[ARGV[i]] = ARGV[i + 1] end
  for _, name in ipairs({ 'upgrade_id', 'rollout', 'model', 'version', 'state', 'token' }) do
    if (fields[name] or '') == '' then return nil, 'ERR missing field ' .. name end
  end
  fields.deadline_ms = fields.deadline_ms or '0'
  for _, name in ipairs({ 'attempt', 'revision', 'deadline_ms' }) do
    if not tonumber(fields[name] or '') then return nil, 'ERR not a number: ' .. name end
  end
  fields.error = fields.error or ''
  fields.from_version = fields.from_version or ''
  return fields
end
