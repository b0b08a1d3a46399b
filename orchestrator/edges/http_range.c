/* See http_range.h. Numbers that do not fit 63 bits are taken as "beyond every file", not as an error. */
#include "orchestrator/edges/http_range.h"

#include <string.h>
#include <strings.h>

struct cursor {
    const char *at, *end;
};

static void blanks_skip(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
}

static bool byte_take(struct cursor *cursor, char byte)
{
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

/* Digits; false when there are none. Stops growing at INT64_MAX. */
static bool number_take(struct cursor *cursor, int64_t *ret)
{
    const char *from = cursor->at;
    int64_t value = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
        int64_t digit = *cursor->at - '0';
        value = value > (INT64_MAX - digit) / 10 ? INT64_MAX : value * 10 + digit;
    }
    *ret = value;
    return cursor->at > from;
}

/* One range as it is written; last < 0: open, first < 0: a suffix of `last` bytes. */
struct spec {
    int64_t first, last;
};

static bool spec_take(struct cursor *cursor, struct spec *ret)
{
    int64_t first = 0, last = 0;
    bool has_first = number_take(cursor, &first);
    if (!byte_take(cursor, '-'))
        return false;
    bool has_last = number_take(cursor, &last);
    *ret = (struct spec){has_first ? first : -1, has_last ? last : -1};
    return (has_first || has_last) && !(has_first && has_last && last < first);
}

/* length 0: no byte of the representation is in it. */
static struct http_range spec_place(const struct spec *spec, int64_t size)
{
    if (spec->first < 0) {
        int64_t length = spec->last < size ? spec->last : size;
        return (struct http_range){size - length, length};
    }
    if (spec->first >= size)
        return (struct http_range){0, 0};
    int64_t last = spec->last < 0 || spec->last >= size ? size - 1 : spec->last;
    return (struct http_range){spec->first, last - spec->first + 1};
}

static void list_drop(struct http_ranges *ranges, unsigned place)
{
    ranges->count--;
    memmove(&ranges->list[place], &ranges->list[place + 1], (ranges->count - place) * sizeof ranges->list[0]);
}

static bool ranges_touch(const struct http_range *a, const struct http_range *b)
{
    return a->start <= b->start + b->length && b->start <= a->start + a->length;
}

static struct http_range ranges_join(const struct http_range *a, const struct http_range *b)
{
    int64_t start = a->start < b->start ? a->start : b->start;
    int64_t a_end = a->start + a->length, b_end = b->start + b->length;
    return (struct http_range){start, (a_end > b_end ? a_end : b_end) - start};
}

/* The list holds no two that touch; the new one may join several of them, all at the place of the first. */
static void list_add(struct http_ranges *ranges, struct http_range range)
{
    unsigned place = ranges->count;
    for (unsigned i = ranges->count; i-- > 0;)
        if (ranges_touch(&ranges->list[i], &range)) {
            range = ranges_join(&ranges->list[i], &range);
            list_drop(ranges, i);
            place = i;
        }
    memmove(&ranges->list[place + 1], &ranges->list[place], (ranges->count - place) * sizeof range);
    ranges->list[place] = range;
    ranges->count++;
}

/* The list behind "bytes=": false when it is not understood or too long. Empty items are nothing (RFC 9110, 5.6.1). */
static bool list_take(struct cursor *cursor, int64_t size, struct http_ranges *ranges)
{
    unsigned asked = 0;
    do {
        struct spec spec;
        blanks_skip(cursor);
        if (cursor->at == cursor->end || *cursor->at == ',')
            continue;
        if (!spec_take(cursor, &spec) || ++asked > HTTP_RANGES_MAX)
            return false;
        struct http_range range = spec_place(&spec, size);
        if (range.length > 0)
            list_add(ranges, range);
        blanks_skip(cursor);
    } while (byte_take(cursor, ','));
    return cursor->at == cursor->end && asked > 0;
}

struct http_ranges http_range_read(const char *header, size_t length, int64_t size)
{
    const struct http_ranges whole = {.kind = HTTP_WHOLE, .count = 1, .list = {{0, size}}};
    struct http_ranges ranges = {.kind = HTTP_UNSATISFIABLE};
    static const char unit[] = "bytes=";
    if (header == NULL || length < sizeof unit - 1 || strncasecmp(header, unit, sizeof unit - 1) != 0)
        return whole;
    struct cursor cursor = {header + sizeof unit - 1, header + length};
    if (!list_take(&cursor, size, &ranges))
        return whole;
    if (ranges.count > 0)
        ranges.kind = ranges.count == 1 ? HTTP_PART : HTTP_PARTS;
    return ranges;
}

bool http_if_range_holds(const char *header, const char *etag)
{
    return header == NULL || strcmp(header, etag) == 0;
}

bool http_none_match_hits(const char *header, const char *etag)
{
    if (header == NULL)
        return false;
    size_t etag_length = strlen(etag), blanks = strspn(header, " \t");
    if (header[blanks] == '*' && header[blanks + 1 + strspn(header + blanks + 1, " \t")] == '\0')
        return true;
    for (const char *at = header; *at != '\0';) {
        at += strspn(at, " \t,");
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        size_t length = *at == '"' ? strcspn(at + 1, "\"") + 2 : strcspn(at, ",");
        if (length == etag_length && strncmp(at, etag, length) == 0)
            return true;
        size_t left = strlen(at);
        at += length < left ? length : left;
    }
    return false;
}
