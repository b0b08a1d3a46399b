/* What the device knows of itself from files: boot, version, battery, signal. Everything absent or odd is left out, not guessed. */
#pragma once

#include <stdint.h>

#include "agent/agent_settings.h"
#include "agent/slots.h"
#include "common/error.h"
#include "proto/heartbeat.h"

/* The first line of a small file, without its line feed. DROVER_IO, DROVER_TOO_LONG, DROVER_SYNTAX (not plain text), DROVER_MISSING (empty). */
MUST_USE enum drover_error device_line_read(const char *path, char *ret, size_t size, struct problem *ret_problem);
/* An id that is another one after each boot. */
MUST_USE enum drover_error device_boot_id(const struct agent_settings *settings, char ret_id[BOOT_ID_SIZE], struct problem *ret_problem);
/* What runs: as the version file says, otherwise the slot, otherwise the factory's. Fills in the slots that nothing was written into, too. */
MUST_USE enum drover_error device_version(const struct agent_settings *settings, struct slot_facts *facts, char ret_version[VERSION_SIZE], struct problem *ret_problem);
/* The heartbeat but for status, slot, seq and boot id. */
void device_heartbeat(const struct agent_settings *settings, struct heartbeat *ret_heartbeat);
