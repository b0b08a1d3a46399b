/* What an edit changed in a plan, for the audit: the members that differ, by JSON pointer (RFC 6901), as they were and as they are. */
#pragma once

#include "common/buffer.h"

struct plan;

/* Appends an object to each: {"/limits/max_in_flight":1000} and {"/limits/max_in_flight":2000}. A member that is absent on one side is absent
 * there; a value of more than 256 bytes is a text that says how long it is. At most 64 members are named. */
void plan_diff(const struct plan *before, const struct plan *after, struct buffer *ret_before, struct buffer *ret_after);
