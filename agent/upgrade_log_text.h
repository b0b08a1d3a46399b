/* Inside the log: its two files as text. */
#pragma once

#include "agent/upgrade_log.h"

#define LOG_TEXT_BYTES 8192   /* longest snapshot; json_message_limits has the same */

/* {"schema":1,"crc32":"89abcdef","data":{...}}; the checksum is over data as it stands, from { to }. Strict, but members that are not known are
 * skipped and members that are missing (but for the state) are zero: after an upgrade a newer agent reads what an older one wrote, after falling
 * back an older one what a newer one wrote. The structs are written on success only. */
MUST_USE enum drover_error upgrade_record_read(const char *bytes, size_t length, struct upgrade_record *ret_record, struct problem *ret_problem);
MUST_USE enum drover_error device_memory_read(const char *bytes, size_t length, struct device_memory *ret_memory, struct problem *ret_problem);
/* buffer->failed tells. */
void upgrade_record_write(const struct upgrade_record *record, struct buffer *buffer);
void device_memory_write(const struct device_memory *memory, struct buffer *buffer);
