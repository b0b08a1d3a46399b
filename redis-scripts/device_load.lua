#!lua flags=no-writes
-- device_load: one device with its upgrade, from one moment.
--
-- KEYS[1]  prefix of readers' keys      ARGV[1]  device id
-- Returns {device's fields, upgrade's fields, last seen}; the first is empty when the device is unknown.
-- @include lib/load.lua

local result = {}
load(result, ARGV[1])
return result
