#!lua flags=no-writes
-- events_read: entries of the event stream after one, and what says whether entries between were trimmed.
--
-- KEYS[1]  prefix of readers' keys
-- ARGV[1]  id after which to begin, or its first half   ARGV[2]  most of them
-- Returns {id of the first entry that is kept, '' none, the newest id there ever was, how many entries are gone, the entries}.

local events = KEYS[1] .. 'events'
if redis.call('EXISTS', events) == 0 then return { '', '0-0', 0, {} } end
local info, flat = {}, redis.call('XINFO', 'STREAM', events)
for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
return { info['first-entry'] and info['first-entry'][1] or '', info['last-generated-id'], info['entries-added'] - info['length'],
  redis.call('XRANGE', events, '(' .. ARGV[1], '+', 'COUNT', ARGV[2]) }
