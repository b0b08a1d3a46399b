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

static struct http_range suffix_range(int64_t wanted, int64_t size)
{
    if (wanted == 0 || size == 0)
        return (struct http_range){HTTP_UNSATISFIABLE, 0, 0};
    int64_t length = wanted < size ? wanted : size;
    return (struct http_range){HTTP_PART, size - length, length};
}

static struct http_range bounded_range(int64_t first, int64_t last, int64_t size)
{
    if (first >= size)
        return (struct http_range){HTTP_UNSATISFIABLE, 0, 0};
    if (last >= size)
        last = size - 1;
    return (struct http_range){HTTP_PART, first, last - first + 1};
}

struct http_range http_range_read(const char *header, size_t length, int64_t size)
{
    const struct http_range whole = {HTTP_WHOLE, 0, size};
    static const char unit[] = "bytes=";
    if (header == NULL || length < sizeof unit - 1 || strncasecmp(header, unit, sizeof unit - 1) != 0)
        return whole;
    struct cursor cursor = {header + sizeof unit - 1, header + length};
    int64_t first = 0, last = INT64_MAX;
    blanks_skip(&cursor);
    bool has_first = number_take(&cursor, &first);
    if (!byte_take(&cursor, '-'))
        return whole;
    bool has_last = number_take(&cursor, &last);
    if (!has_last)
        last = INT64_MAX;
    blanks_skip(&cursor);
    if (cursor.at != cursor.end || (!has_first && !has_last) || (has_first && last < first))
        return whole;
    return has_first ? bounded_range(first, last, size) : suffix_range(last, size);
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
