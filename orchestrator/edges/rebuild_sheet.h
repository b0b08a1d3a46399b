/* Names with values as a hash in Redis has them, and counts in hashes whose fields nobody knows beforehand (strata, sites). Out of memory ends the program. */
#pragma once

#include "orchestrator/edges/names.h"

struct sheet {
    struct sheet_field {
        uint32_t name;            /* number in the names it was made with */
        char *value;              /* owned */
    } *fields;
    unsigned count, room;
};

void sheet_done(struct sheet *sheet);                                                      /* a zeroed one is empty and fine */
void sheet_set(struct sheet *sheet, struct names *names, const char *name, const char *value);
void sheet_set_number(struct sheet *sheet, struct names *names, const char *name, int64_t number);
void sheet_unset(struct sheet *sheet, const struct names *names, const char *name);
const char *sheet_get(const struct sheet *sheet, const struct names *names, const char *name);   /* NULL: it is not there */

/* One field that counts; those of one hash are a list. */
struct tally {
    uint32_t name;                /* of the field */
    uint32_t next;                /* 1 + number of the hash's next one; 0: that was the last */
    int64_t count;
};
struct tallies {
    struct names keys;            /* hash and field; the same order as rows */
    struct tally *rows;           /* owned */
    size_t size;
};
void tallies_done(struct tallies *tallies);
/* The field of the hash that is called `hash` and whose list begins at *head (0: empty). */
void tally_add(struct tallies *tallies, struct names *names, uint32_t *head, const char *hash, const char *field, int by);
