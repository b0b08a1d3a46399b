/* Settings from one table: file (ini, by libinih), environment, command line, in that order of rising weight.
 * The parser, --check-config, --print-config, SIGHUP reload and docs/configuration.md come from the table.
 * An unknown key, a bad value or a value out of range is an error that says file, line, key and what is allowed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

enum setting_kind { SETTING_TEXT, SETTING_INTEGER, SETTING_BOOL, SETTING_CHOICE };

struct setting {
    const char *name;         /* "redis.url": section.key in the file; environment DROVER_REDIS_URL; option --redis-url */
    enum setting_kind kind;
    size_t offset;            /* of the field in the settings struct: char[size], int64_t, bool, or int64_t index of the choice */
    size_t size;              /* of a text field */
    int64_t min, max;         /* of an integer; of a text its shortest and longest length when max > 0 */
    const char *choices;      /* "logfmt|json" */
    const char *fallback;     /* default, as text */
    bool reloadable;          /* takes effect on SIGHUP; others say so and wait for a restart */
    bool secret;              /* never printed */
    const char *unit;         /* "ms", "s", "bytes" or "" */
    const char *help;         /* one sentence */
};

struct settings_table {
    const struct setting *rows;
    size_t count;
    const char *env_prefix;   /* "DROVER_" */
};

/* Fills *values with the defaults. */
void settings_defaults(const struct settings_table *table, void *values);
/* Each reads on top of what *values holds; on failure *values may be partly changed and must be thrown away. */
MUST_USE enum drover_error settings_read_file(const struct settings_table *table, const char *path, void *values, struct problem *ret_problem);
MUST_USE enum drover_error settings_read_text(const struct settings_table *table, const char *name, const char *text, size_t length, void *values, struct problem *ret_problem);
MUST_USE enum drover_error settings_read_environment(const struct settings_table *table, char *const *environment, void *values, struct problem *ret_problem);
/* One NAME=VALUE or a key/value pair, as from --set or --redis-url. */
MUST_USE enum drover_error settings_set(const struct settings_table *table, const char *name, const char *value, void *values, struct problem *ret_problem);
/* The row of "redis.url" or "redis-url"; NULL when there is none. */
const struct setting *settings_find(const struct settings_table *table, const char *name);

/* Prints an ini file that reads back to the same values (secrets as "***" comment lines). */
void settings_print(const struct settings_table *table, const void *values, FILE *out);
/* Prints the table as Markdown for docs/configuration.md. */
void settings_print_docs(const struct settings_table *table, FILE *out);
/* Calls `changed` for each row whose value differs. */
void settings_compare(const struct settings_table *table, const void *before, const void *after,
                      void (*changed)(const struct setting *row, void *arg), void *arg);
