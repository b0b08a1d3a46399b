/* Which members of a JSON object are shown, under which title and how: the description of a list's columns and of facts. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "cli/table.h"
#include "common/buffer.h"

struct cJSON;

enum field_kind {
    FIELD_TEXT,       /* strings as they are, numbers and booleans as JSON writes them; "-" when absent or empty */
    FIELD_NUMBER,
    FIELD_BYTES,
    FIELD_AGO,        /* unix ms: "12 s ago" */
    FIELD_TIME,       /* unix ms: local time */
    FIELD_DURATION,   /* ms */
    FIELD_SECONDS,    /* s */
    FIELD_PERCENT,
    FIELD_STATE,      /* a state's name, coloured by how good it is; "-" for none */
    FIELD_ONLINE,     /* true: online, false: offline */
    FIELD_YES,        /* true: yes, false: no */
    FIELD_COUNT,      /* a number that should be 0: coloured when it is not */
    FIELD_COUNTS,     /* an object of numbers: "succeeded 12, failed 1", without those that are 0 */
    FIELD_ITEMS,      /* how many items an array has */
    FIELD_LIST,       /* the texts of an array: "a, b" */
};

struct field {
    const char *title;
    const char *path;      /* "states.lost"; see values.h */
    enum field_kind kind;
};

bool field_is_number(enum field_kind kind);
/* Appends the value for people (raw: to be made safe by whoever prints it) and returns its tone. */
enum tone field_format(const struct field *field, const struct cJSON *object, int64_t now_ms, struct buffer *out);
/* Appends "succeeded 12, failed 1": the members of an object that are numbers and not 0; "-" when there are none. */
void counts_format(const struct cJSON *object, struct buffer *out);
/* One "title  value" a line, titles aligned; absent and empty members are left out. */
void facts_print(const struct field *fields, unsigned count, const struct cJSON *object, int64_t now_ms, FILE *out, bool color);
/* How good a state is, of a rollout or an upgrade. */
enum tone state_tone(const char *state);
