-- events: one entry of the event stream: the fields of proto/event.h but id, always all of them, in their order. Returns its id.
-- e is a table of them; what is missing or empty becomes "-", numbers 0, from and to "none".
local function dash(value)
  if value == nil or value == false or value == '' then return '-' end
  return value
end

local function event_add(keep, e)
  return redis.call('XADD', KEYS[1] .. 'events', 'MAXLEN', '~', keep, '*',
    'at_ms', e.at_ms, 'kind', e.kind, 'device', dash(e.device), 'model', dash(e.model), 'rollout', dash(e.rollout),
    'upgrade', dash(e.upgrade), 'from', e.from or 'none', 'to', e.to or 'none', 'on', dash(e.on),
    'attempt', e.attempt or '0', 'revision', e.revision or '0', 'version', dash(e.version), 'error', dash(e.error),
    'why', dash(e.why), 'prev', dash(e.prev), 'instance', dash(e.instance), 'stage', e.stage or '0', 'facts', dash(e.facts))
end
