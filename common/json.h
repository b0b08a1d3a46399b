/* Strict JSON (RFC 8259) in front of cJSON: what cJSON lets through (trailing bytes, duplicate keys, bad UTF-8, control characters,
 * "\u0000", leading zeros, integers over 2^53, deep nesting) is refused here with what and where.
 * Readers of messages take a flat object: nested values of unknown fields are skipped, of known fields refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"

struct cJSON;

struct json_limits {
    size_t bytes;       /* longest text */
    unsigned depth;     /* deepest nesting; the outermost object is 1 */
    unsigned members;   /* most values in all */
    size_t string_bytes;
};
extern const struct json_limits json_message_limits;  /* 8 KiB, depth 4, 64 values, strings of 512 bytes */
extern const struct json_limits json_api_limits;      /* 256 KiB, depth 8, 4096 values, strings of 4096 bytes */

/* Reading without building a tree, for messages: one pass over the bytes finds the members of the outermost object.
 * Members point into the bytes, which must outlive them. Same checks and same problems as json_parse. */
#define JSON_FLAT_MEMBERS 64

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_span {
    const char *bytes;   /* of a string: between its quotes, still escaped */
    uint32_t length;
    uint32_t decoded;    /* length of a string without its escapes; equal to length when it has none */
};

struct json_member {
    struct json_span name;
    struct json_span value;
    enum json_kind kind;
};

struct json_flat {
    unsigned count;
    unsigned next;       /* where json_flat_find looks first: members mostly come in the order they are asked for */
    struct json_member members[JSON_FLAT_MEMBERS];
};

/* limits->members is at most JSON_FLAT_MEMBERS. */
MUST_USE enum drover_error json_flat_read(const char *bytes, size_t length, const struct json_limits *limits,
                                          struct json_flat *ret_flat, struct problem *ret_problem);
/* The member of that name; NULL when it is absent or null. */
const struct json_member *json_flat_find(struct json_flat *flat, const char *name);
/* The value of a member. `name` is what a problem's `where` says. */
MUST_USE enum drover_error json_member_text(const struct json_member *member, const char *name, char *ret, size_t size, struct problem *ret_problem);
MUST_USE enum drover_error json_member_i64(const struct json_member *member, const char *name, int64_t min, int64_t max, int64_t *ret, struct problem *ret_problem);
/* A number with at most `decimals` (0 .. 6) digits behind its point, times ten to that power: 12.5 with 2 is 1250. min and max are of the result. */
MUST_USE enum drover_error json_member_scaled(const struct json_member *member, const char *name, int decimals, int64_t min, int64_t max, int64_t *ret,
                                              struct problem *ret_problem);
MUST_USE enum drover_error json_member_bool(const struct json_member *member, const char *name, bool *ret, struct problem *ret_problem);

/* Large documents without a tree. As json_flat_read, but limits->members counts all values and may be any number; the outermost object
 * still has at most JSON_FLAT_MEMBERS. An object inside is read by giving its member's value.bytes and length. */
MUST_USE enum drover_error json_document_read(const char *bytes, size_t length, const struct json_limits *limits,
                                              struct json_flat *ret_flat, struct problem *ret_problem);
/* The items of an array that was read so, one by one; they have no name. `name` is what a problem's `where` says. */
struct json_array {
    const char *at, *end;
};
MUST_USE enum drover_error json_array_begin(const struct json_member *member, const char *name, struct json_array *ret_array, struct problem *ret_problem);
bool json_array_next(struct json_array *array, struct json_member *ret_item);   /* false: that was all */

/* Parses one object; *ret_object is freed with cJSON_Delete. Checks everything listed above before cJSON sees a byte. */
MUST_USE enum drover_error json_parse(const char *bytes, size_t length, const struct json_limits *limits,
                                      struct cJSON **ret_object, struct problem *ret_problem);

/* Members of an object that json_parse has checked. `required` false: absent or null leaves *ret untouched and returns DROVER_OK. */
MUST_USE enum drover_error json_get_text(const struct cJSON *object, const char *name, bool required, char *ret, size_t size, struct problem *ret_problem);
MUST_USE enum drover_error json_get_id(const struct cJSON *object, const char *name, bool required, char *ret, struct problem *ret_problem); /* ret: ID_SIZE */
MUST_USE enum drover_error json_get_i64(const struct cJSON *object, const char *name, bool required, int64_t min, int64_t max, int64_t *ret, struct problem *ret_problem);
MUST_USE enum drover_error json_get_bool(const struct cJSON *object, const char *name, bool required, bool *ret, struct problem *ret_problem);

/* Writing: {"a":1,"b":"x"} member by member into a buffer; strings are escaped so that the result is ASCII-safe JSON. */
struct json_writer {
    struct buffer *buffer;
    unsigned depth;
    bool first;     /* no member yet at this depth */
};
void json_begin(struct json_writer *writer, struct buffer *buffer);          /* "{" */
void json_end(struct json_writer *writer);                                   /* "}" of the outermost object */
void json_put_text(struct json_writer *writer, const char *name, const char *value);   /* NULL value: member left out */
void json_put_i64(struct json_writer *writer, const char *name, int64_t value);
void json_put_scaled(struct json_writer *writer, const char *name, int64_t value, int decimals);   /* what json_member_scaled reads; not negative */
void json_put_bool(struct json_writer *writer, const char *name, bool value);
/* Nested values: name NULL inside an array. */
void json_open_object(struct json_writer *writer, const char *name);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer, const char *name);
void json_close_array(struct json_writer *writer);
/* One escaped, quoted string, for whoever builds JSON another way. */
void json_add_quoted(struct buffer *buffer, const char *text);
void json_add_quoted_n(struct buffer *buffer, const char *text, size_t length);   /* a NUL inside becomes \u0000, which json_parse refuses */
