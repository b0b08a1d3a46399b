/* Structs as Redis hashes: one table row a member. A member that is empty or zero is not stored, unless its row says so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/edges/redis_args.h"

struct redisReply;

/* How an enum reads and writes its words. read: false leaves *ret untouched. */
struct record_words {
    const char *(*name)(int value);
    bool (*read)(const char *text, int *ret_value);
};

enum record_kind {
    RECORD_TEXT,     /* char[size] */
    RECORD_I64,
    RECORD_BOOL,     /* 1 or absent */
    RECORD_WORD,     /* an enum, by words */
    RECORD_SLOT,     /* char 'a', 'b' or 0 */
};

struct record_field {
    const char *name;
    size_t name_length;
    enum record_kind kind;
    size_t offset;
    size_t size;                        /* of a text */
    int64_t absent;                     /* what a number is when it is not stored; such a value is not stored */
    bool always;                        /* stored whatever it is */
    bool apart;                         /* not among the changes: the script that writes them is told it by itself, or knows it */
    const struct record_words *words;
};

/* Rows: {RECORD_MEMBER(struct upgrade, TEXT, why)}, {RECORD_NAMED(struct release, I64, "size", size_bytes), .always = true} */
#define RECORD_NAMED(type, kind_, name_, member) \
    .name = (name_), .name_length = sizeof("" name_) - 1, .kind = RECORD_##kind_, .offset = offsetof(type, member), .size = sizeof((type *)0)->member
#define RECORD_MEMBER(type, kind_, member) RECORD_NAMED(type, kind_, #member, member)

struct record_table {
    const struct record_field *fields;
    size_t count;
};
#define RECORD_TABLE(rows) {(rows), sizeof(rows) / sizeof(rows)[0]}   /* an initialiser */

/* Sets every member of the table to what it is when absent. */
void record_clear(const struct record_table *table, void *record);
/* Reads a flat array of names and values over a cleared record; unknown names are skipped. Returns how many values were bad
 * (they stay absent); SIZE_MAX when it is no such array. */
size_t record_read(const struct record_table *table, const struct redisReply *reply, void *record);
/* Adds name and value of every member that is stored. */
void record_add(const struct record_table *table, const void *record, struct redis_args *args);
/* Adds name and value of every member that is another than it was, "" for one that is not stored any more. */
void record_add_changes(const struct record_table *table, const void *was, const void *record, struct redis_args *args);
