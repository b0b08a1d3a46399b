-- audit: one entry of what operators did. actor: JSON of who, key, role, action, target, request, keep (entries of the stream) and perhaps before
-- and after; '': nobody did it, and nothing is written. e: at_ms, instance, and what the actor does not say: target, before, after; of a refusal
-- status and why; said: words about what was done.
local function audit_add(actor, e)
  if actor == '' then return end
  local a = cjson.decode(actor)
  local function text(name)
    local value = a[name] or e[name]
    if not value or value == '' then return '-' end
    return value
  end
  redis.call('XADD', KEYS[1] .. 'audit', 'MAXLEN', '~', a.keep, '*',
    'at_ms', e.at_ms, 'who', text('who'), 'role', text('role'), 'key', text('key'), 'action', text('action'), 'target', text('target'),
    'before', text('before'), 'after', text('after'), 'outcome', e.why and 'refused' or 'done', 'status', e.status or '-', 'why', e.why or text('said'),
    'request', text('request'), 'instance', e.instance)
end
