/* Reading the values of options and arguments; the kinds stand in commands.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/commands.h"
#include "common/buffer.h"

struct option_value {
    bool given;
    const char *text;    /* points into argv; a version's leading `v` is skipped */
    int64_t number;      /* integer; duration in ms; choice: its index */
};

/* Checks text by the row's kind and fills in value->text and value->number (not `given`). */
bool option_value_read(const struct option_row *row, const char *text, struct option_value *value);
/* Appends what a good value looks like: "a number from 1 to 100". */
void option_value_describe(const struct option_row *row, struct buffer *out);
/* The same for an argument by its name in the table of commands (MODEL, VERSION, FILE, ...); *text may move behind a `v`.
 * A name without a rule (NOUN, VERB) may be any text. On failure *ret_what says what it should have been. */
bool argument_read(const char *name, unsigned length, const char **text, const char **ret_what);

/* "90", "90s", "5m", "2h", "1d", "250ms" in ms; false on anything else. */
bool duration_read(const char *text, int64_t *ret_ms);
/* "2026-01-31" (midnight UTC), "2026-01-31T10:00:00Z", "...+02:00" (RFC 3339), or seconds since 1970; in ms since 1970. */
bool time_read(const char *text, int64_t *ret_ms);
/* "1700000000000-0", "1700000000000" or "$". */
bool event_id_read(const char *text);
