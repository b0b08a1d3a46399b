/* Inside proto/ and its tests: a message as a table of its fields. Reader, writer and the tables of docs/protocol.md
 * all come from it, so that they cannot disagree. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"

enum field_kind {
    FIELD_SCHEMA,     /* the integer 1; anything else is DROVER_UNKNOWN */
    FIELD_SELF,       /* an id that must equal the one already in the struct (from the topic); not written */
    FIELD_ID,         /* an id; `size` may make it shorter than ID_SIZE */
    FIELD_WORD,       /* text_is_word */
    FIELD_VERSION,    /* semver_read */
    FIELD_TAGS,       /* ids with commas between them */
    FIELD_ZONE,       /* time_zone_name_fits */
    FIELD_TEXT,       /* text_is_plain */
    FIELD_URL,        /* http:// or https://, printable ASCII */
    FIELD_SHA256,     /* 64 lower-case hex digits */
    FIELD_STREAM_ID,  /* 1700000000000-0 */
    FIELD_SLOT,       /* char: "a" or "b" */
    FIELD_CHOICE,     /* an enum of int's size: one of `names` */
    FIELD_CODE,       /* enum error_code; an unknown name is E_INTERNAL */
    FIELD_INTEGER,    /* int64_t, min .. max */
    FIELD_BOOL,
    FIELD_MANAGED,    /* enum device_kind: true is managed, false simple */
};

/* Where a field may be missing, "" in a text means the same as leaving it out. */
enum field_use {
    FIELD_OPTIONAL,
    FIELD_REQUIRED,
    FIELD_OR_DASH,    /* required, and "-" says that there is none; an empty text is written as "-" */
};

struct field {
    const char *name;
    enum field_kind kind;
    enum field_use use;
    size_t offset;
    size_t size;                /* of a text, with its NUL */
    int64_t min, max;           /* of an integer */
    const char *const *names;   /* of a choice, in the enum's order, ended by NULL */
    const char *help;           /* for docs/protocol.md */
};

#define FIELD_AT(type, member) .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

struct field_table {
    const char *message;
    const struct field *fields;
    size_t count;
};

/* Writes the fields that are there into *message; the others keep what they had. */
struct json_flat;
MUST_USE enum drover_error fields_read(const struct field_table *table, struct json_flat *flat, void *message,
                                       struct problem *ret_problem);
struct json_writer;
void fields_write(const struct field_table *table, const void *message, struct json_writer *writer);

extern const struct field_table heartbeat_fields, online_fields, report_fields, notice_fields, event_fields;
extern const struct field_table command_fields, command_update_fields, command_rollback_fields; /* the others only in such a command */
