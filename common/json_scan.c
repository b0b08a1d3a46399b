/* The one implementation of what JSON Drover takes: a single pass over the bytes that checks everything json.h lists.
 * It builds nothing but, when asked, the flat table of the outermost object's members. json_parse runs it before cJSON,
 * so that cJSON only ever sees text it cannot misread. */
#include "common/json_scan.h"

#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/text.h"

#define NUMBER_BYTES 40            /* longest spelling of a number */
#define INTEGER_MAX ((int64_t)1 << 53)
#define NAME_BYTES 4096            /* no member's name is longer, whatever the limits say */
#define EXPONENT_MAX 308           /* digits before the point plus exponent: under 10^308, which a double holds */

const struct json_limits json_message_limits = {8192, 4, 64, 512};
const struct json_limits json_api_limits = {262144, 8, 4096, 4096};

struct scan {
    const char *start, *at, *end;
    const struct json_limits *limits;
    unsigned values;               /* so far, in all */
    uint64_t *keys;                /* hashes of the names in the objects that are open, innermost last */
    unsigned key_count;
    struct json_flat *flat;        /* or NULL */
    struct json_span member;       /* name of the outermost member being read, for problems */
    struct problem *problem;
};

static enum drover_error scan_value(struct scan *scan, unsigned depth, struct json_member *ret_member);

/* Bytes of a string that need no second look: ASCII but control characters, '"' and '\\'. */
static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* Malformed text: where is the byte, counted from 0. */
static enum drover_error fail_at(const struct scan *scan, const char *at, enum drover_error error, const char *what)
{
    char where[32];

    (void)snprintf(where, sizeof where, "byte %zu", (size_t)(at - scan->start));
    return problem_set(scan->problem, error, where, "%s", what);
}

/* Well-formed but over a limit: where is the outermost member that it happened in. */
static enum drover_error fail_in(const struct scan *scan, const char *at, enum drover_error error, const char *what)
{
    char name[48];

    if (scan->member.length == 0) /* not in a member yet, or in one named "" */
        return fail_at(scan, at, error, what);
    (void)text_excerpt(name, sizeof name, scan->member.bytes, scan->member.length);
    return problem_set(scan->problem, error, name, "%s", what);
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* A byte of a string that is not plain: an escape, a longer character, or a mistake. */
static enum drover_error scan_special(struct scan *scan, uint32_t *saved)
{
    const char *at = scan->at, *what;
    unsigned bytes = 0;
    char decoded[4];
    size_t length;

    if ((unsigned char)*at < 0x20)
        return fail_at(scan, at, DROVER_SYNTAX, "a control character inside a string");
    if (*at != '\\') {
        length = text_utf8_step(at, (size_t)(scan->end - at));
        if (length == 0)
            return fail_at(scan, at, DROVER_UTF8, "a string is not UTF-8");
        scan->at += length;
        return DROVER_OK;
    }
    length = json_escape_decode(at, scan->end, decoded, &bytes, &what);
    if (length == 0)
        return fail_at(scan, at, DROVER_SYNTAX, what);
    *saved += (uint32_t)(length - bytes);
    scan->at += length;
    return DROVER_OK;
}

static enum drover_error scan_string(struct scan *scan, struct json_span *ret_span)
{
    const char *quote = scan->at++;
    uint32_t saved = 0; /* bytes that decoding takes away */

    for (;;) {
        while (scan->at < scan->end && is_plain(*scan->at))
            scan->at++;
        if (scan->at == scan->end)
            return fail_at(scan, quote, DROVER_SYNTAX, "a string does not end");
        if (*scan->at == '"')
            break;
        enum drover_error error = scan_special(scan, &saved);

        if (error)
            return error;
    }
    ret_span->bytes = quote + 1;
    ret_span->length = (uint32_t)(scan->at++ - quote - 1);
    ret_span->decoded = ret_span->length - saved;
    if (ret_span->decoded > scan->limits->string_bytes)
        return fail_in(scan, quote, DROVER_TOO_LONG, "a string is too long");
    return DROVER_OK;
}

static size_t scan_digits(struct scan *scan)
{
    const char *start = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - start);
}

/* Behind 'e': how far the point moves. False when there is no number. */
static bool scan_exponent(struct scan *scan, int *ret_exponent)
{
    bool negative = take(scan, '-');
    const char *start;
    int exponent = 0;

    if (!negative)
        (void)take(scan, '+');
    start = scan->at;
    if (scan_digits(scan) == 0)
        return false;
    for (; start < scan->at; start++)
        if (exponent < 100000)
            exponent = exponent * 10 + (*start - '0');
    *ret_exponent = negative ? -exponent : exponent;
    return true;
}

static enum drover_error scan_number(struct scan *scan, struct json_span *ret_span)
{
    const char *start = scan->at;
    bool negative = take(scan, '-'), whole = true;
    const char *first = scan->at;
    size_t digits = scan_digits(scan);
    int exponent = 0;
    int64_t value;

    if (digits == 0 || (digits > 1 && *first == '0'))
        return fail_at(scan, start, DROVER_SYNTAX, digits ? "a number with a leading zero" : "not a JSON value");
    if (take(scan, '.')) {
        whole = false;
        if (scan_digits(scan) == 0)
            return fail_at(scan, start, DROVER_SYNTAX, "no digit behind the point");
    }
    if (take(scan, 'e') || take(scan, 'E')) {
        whole = false;
        if (!scan_exponent(scan, &exponent))
            return fail_at(scan, start, DROVER_SYNTAX, "no digit in the exponent");
    }
    *ret_span = (struct json_span){start, (uint32_t)(scan->at - start), (uint32_t)(scan->at - start)};
    if (scan->at - start > NUMBER_BYTES)
        return fail_in(scan, start, DROVER_TOO_LONG, "a number has too many digits");
    if (whole && !text_to_i64(first, digits, 0, INTEGER_MAX, &value))
        return fail_in(scan, start, DROVER_RANGE, negative ? "an integer under -2^53" : "an integer over 2^53");
    if (!whole && (int)digits + exponent > EXPONENT_MAX)
        return fail_in(scan, start, DROVER_RANGE, "a number is too large");
    return DROVER_OK;
}

static enum drover_error scan_literal(struct scan *scan, enum json_kind *ret_kind)
{
    static const struct {
        const char *text;
        size_t length;
        enum json_kind kind;
    } literals[] = {{"true", 4, JSON_TRUE}, {"false", 5, JSON_FALSE}, {"null", 4, JSON_NULL}};

    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++)
        if ((size_t)(scan->end - scan->at) >= literals[i].length &&
            memcmp(scan->at, literals[i].text, literals[i].length) == 0) {
            scan->at += literals[i].length;
            *ret_kind = literals[i].kind;
            return DROVER_OK;
        }
    return fail_at(scan, scan->at, DROVER_SYNTAX, scan->at == scan->end ? "the text ends too early" : "not a JSON value");
}

/* Names are compared by 64-bit hashes of what they mean, so that "a" and "\u0061" are the same name. A collision
 * would refuse a message that was made to collide, and nothing else. */
static uint64_t name_hash(const struct json_span *name)
{
    char decoded[NAME_BYTES];

    if (name->decoded == name->length)
        return hash_bytes(name->bytes, name->length, 0);
    json_span_decode(name, decoded);
    return hash_bytes(decoded, name->decoded, 0);
}

static enum drover_error scan_name(struct scan *scan, unsigned depth, unsigned first_key, struct json_span *ret_name)
{
    const char *at = scan->at;
    enum drover_error error;
    uint64_t hash;

    if (at == scan->end || *at != '"')
        return fail_at(scan, at, DROVER_SYNTAX, "a member's name must be a string");
    if (depth == 1)
        scan->member = (struct json_span){0};
    error = scan_string(scan, ret_name);
    if (error)
        return error;
    if (ret_name->decoded > NAME_BYTES)
        return fail_at(scan, at, DROVER_TOO_LONG, "a member's name is too long");
    if (depth == 1)
        scan->member = *ret_name;
    if (scan->values == scan->limits->members)
        return fail_in(scan, at, DROVER_TOO_LONG, "too many values");
    hash = name_hash(ret_name);
    for (unsigned i = first_key; i < scan->key_count; i++)
        if (scan->keys[i] == hash)
            return fail_in(scan, at, DROVER_DUPLICATE, depth == 1 ? "given twice" : "has a member given twice");
    scan->keys[scan->key_count++] = hash;
    return DROVER_OK;
}

static enum drover_error scan_member(struct scan *scan, unsigned depth, unsigned first_key)
{
    struct json_member member = {.kind = JSON_NULL};
    enum drover_error error;

    skip_space(scan);
    error = scan_name(scan, depth, first_key, &member.name);
    if (error)
        return error;
    skip_space(scan);
    if (!take(scan, ':'))
        return fail_at(scan, scan->at, DROVER_SYNTAX, "':' expected");
    error = scan_value(scan, depth, &member);
    if (error || depth != 1 || !scan->flat)
        return error;
    if (scan->flat->count == JSON_FLAT_MEMBERS)
        return fail_in(scan, scan->at, DROVER_TOO_LONG, "too many members");
    scan->flat->members[scan->flat->count++] = member;
    return DROVER_OK;
}

/* Behind '{' or '['. */
static enum drover_error scan_items(struct scan *scan, unsigned depth, char close)
{
    unsigned first_key = scan->key_count;
    struct json_member item;
    enum drover_error error;

    if (depth > scan->limits->depth)
        return fail_in(scan, scan->at - 1, DROVER_TOO_DEEP, "nested too deep");
    skip_space(scan);
    if (take(scan, close))
        return DROVER_OK;
    for (;;) {
        error = close == '}' ? scan_member(scan, depth, first_key) : scan_value(scan, depth, &item);
        if (error)
            return error;
        skip_space(scan);
        if (take(scan, close))
            break;
        if (!take(scan, ','))
            return fail_at(scan, scan->at, DROVER_SYNTAX, close == '}' ? "',' or '}' expected" : "',' or ']' expected");
    }
    scan->key_count = first_key;
    return DROVER_OK;
}

/* Any value inside `depth` containers. */
static enum drover_error scan_value(struct scan *scan, unsigned depth, struct json_member *ret_member)
{
    const char *start;
    enum drover_error error;

    skip_space(scan);
    start = scan->at;
    if (scan->values++ == scan->limits->members)
        return fail_in(scan, start, DROVER_TOO_LONG, "too many values");
    switch (start < scan->end ? *start : '\0') {
    case '"':
        ret_member->kind = JSON_STRING;
        return scan_string(scan, &ret_member->value);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        ret_member->kind = JSON_NUMBER;
        return scan_number(scan, &ret_member->value);
    case '{':
    case '[':
        ret_member->kind = *start == '{' ? JSON_OBJECT : JSON_ARRAY;
        scan->at++;
        error = scan_items(scan, depth + 1, *start == '{' ? '}' : ']');
        break;
    default:
        error = scan_literal(scan, &ret_member->kind);
    }
    ret_member->value = (struct json_span){start, (uint32_t)(scan->at - start), (uint32_t)(scan->at - start)};
    return error;
}

enum drover_error json_scan(const char *bytes, size_t length, const struct json_limits *limits, uint64_t *keys,
                            struct json_flat *ret_flat, struct problem *ret_problem)
{
    struct scan scan = {.start = bytes, .at = bytes, .end = bytes + length, .limits = limits, .keys = keys,
                        .flat = ret_flat, .problem = ret_problem};
    enum drover_error error;

    if (length > limits->bytes)
        return problem_set(ret_problem, DROVER_TOO_LONG, "payload", "%zu bytes; at most %zu", length, limits->bytes);
    if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        return fail_at(&scan, bytes, DROVER_SYNTAX, "a byte order mark");
    skip_space(&scan);
    if (scan.at == scan.end)
        return problem_set(ret_problem, DROVER_SYNTAX, "payload", "empty");
    if (!take(&scan, '{'))
        return problem_set(ret_problem, DROVER_TYPE, "payload", "must be a JSON object");
    error = scan_items(&scan, 1, '}');
    if (error)
        return error;
    skip_space(&scan);
    if (scan.at < scan.end)
        return fail_at(&scan, scan.at, DROVER_SYNTAX, "something follows the object");
    return DROVER_OK;
}
