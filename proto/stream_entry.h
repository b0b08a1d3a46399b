/* One entry of a Redis stream as it stands there: an id, and names with values in their order, all text. What is sealed, exported and verified are
 * these, not what Drover reads out of them: a field that is added, renamed or moved counts as changed. Nothing here allocates but the storage. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"

#define STREAM_ID_SIZE 48
#define ENTRY_FIELDS_MAX 60
#define ENTRY_LINE_BYTES (160u << 10)  /* the longest line that entry_read_json takes: one with a plan (event_facts.h), all of whose quotes are escaped */

struct entry_text {
    const char *bytes;    /* not terminated; borrowed */
    size_t length;
};
struct entry_field {
    struct entry_text name, value;
};
struct stream_entry {
    struct entry_text id;
    unsigned count;
    struct entry_field fields[ENTRY_FIELDS_MAX];
};

/* "1700000000000-3" as two numbers; false for anything else. */
struct stream_id {
    uint64_t ms, seq;
};
bool stream_id_read(const char *bytes, size_t length, struct stream_id *ret);
bool stream_id_read_half(const char *text, struct stream_id *ret);   /* its first half alone will do, as it does for Redis: "1700000000000" */
int stream_id_compare(const struct stream_id *a, const struct stream_id *b);   /* as memcmp */

struct entry_text entry_text(const char *text);
/* The value of the first field of that name; NULL: there is none. */
const struct entry_text *entry_find(const struct stream_entry *entry, const char *name);
bool entry_text_is(const struct entry_text *text, const char *wanted);

/* Appends the canonical form, which digests are made of (docs/events.md): the id, then each name and value, in their order, each as a netstring
 * (its length in bytes in decimal, a colon, the bytes, a comma); then a line feed. */
void entry_canonical(const struct stream_entry *entry, struct buffer *buffer);

/* Appends {"id":"1-0","at_ms":"17..","kind":"move",...}: every value a string. id_name is what the first member is called. */
void entry_write_json(const struct stream_entry *entry, const char *id_name, struct buffer *buffer);

/* What a read entry points into. */
struct entry_storage {
    char *bytes;      /* owned */
    size_t size;
};
void entry_storage_done(struct entry_storage *storage);
/* Reads such an object; *ret_entry lives as long as neither `bytes` nor storage change. ret_id_name: the name of its first member, which must be one of
 * those in `id_names` (ended by NULL); its index. */
MUST_USE enum drover_error entry_read_json(const char *bytes, size_t length, const char *const *id_names, struct entry_storage *storage,
                                           struct stream_entry *ret_entry, unsigned *ret_id_name, struct problem *ret_problem);

/* The fields of an event (proto/event.h) by name; those that are not there stay empty, those that do not fit are DROVER_TOO_LONG or DROVER_RANGE. */
struct event;
MUST_USE enum drover_error event_from_entry(const struct stream_entry *entry, struct event *ret_event, struct problem *ret_problem);
