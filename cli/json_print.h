/* The server's JSON for -o json and -o jsonl: the same values, in pure ASCII, so that no terminal is ever steered by it. */
#pragma once

#include "common/buffer.h"

struct cJSON;

/* indent < 0: on one line; otherwise two blanks a level, beginning at that level. No line feed at the end. */
void json_print(struct buffer *out, const struct cJSON *value, int indent);
