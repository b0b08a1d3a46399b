/* What few calls of a script have to say: one argument of JSON, which is empty for most calls, because every argument costs Redis time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/json.h"
#include "orchestrator/edges/redis_args.h"

/* Begins as {.said = false}; nothing is allocated before something is said. */
struct more {
    struct buffer json;
    struct json_writer writer;
    bool said;
};

/* false, 0 and "" are not said. */
void more_flag(struct more *more, const char *name, bool value);
void more_number(struct more *more, const char *name, int64_t value);
void more_text(struct more *more, const char *name, const char *value);
/* Adds the argument and frees what it was made of. */
void more_add(struct more *more, struct redis_args *args);
