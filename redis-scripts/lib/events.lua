-- events: one entry of the event stream: the fields of proto/event.h but id, always all of them, in their order. Returns its id.
-- e is a table of them; what is missing or empty becomes "-", numbers 0, from and to "none".
local function event_add(keep, e)
  local function text(name)
    local value = e[name]
    if value == nil or value == false or value == '' then return '-' end
    return value
  end
  return redis.call('XADD', KEYS[1] .. 'events', 'MAXLEN', '~', keep, '*',
    'at_ms', e.at_ms, 'kind', e.kind, 'device', text('device'), 'model', text('model'), 'rollout', text('rollout'),
    'upgrade', text('upgrade'), 'from', e.from or 'none', 'to', e.to or 'none', 'on', text('on'),
    'attempt', e.attempt or '0', 'revision', e.revision or '0', 'version', text('version'), 'error', text('error'),
    'why', text('why'), 'prev', text('prev'), 'instance', text('instance'), 'stage', e.stage or '0', 'facts', text('facts'))
end
