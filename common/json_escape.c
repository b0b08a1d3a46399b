/* Escapes inside JSON strings: checked by the scanner, taken away when a value is copied. */
#include <string.h>

#include "common/json_scan.h"

/* Four hex digits, or -1. */
static int hex4(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 4)
        return -1;
    for (unsigned i = 0; i < 4; i++) {
        unsigned c = (unsigned char)at[i];
        unsigned digit = c - '0' < 10 ? c - '0' : (c | 0x20) - 'a' < 6 ? (c | 0x20) - 'a' + 10 : 16;

        if (digit > 15)
            return -1;
        value = value << 4 | (int)digit;
    }
    return value;
}

/* "\uXXXX", or two of them for one character beyond U+FFFF. Returns the code point and how many bytes it took;
 * a negative number is what is wrong with it. */
enum { ESCAPE_MALFORMED = -1, ESCAPE_NUL = -2, ESCAPE_SURROGATE = -3 };

static int32_t unicode_escape(const char *at, const char *end, size_t *ret_length)
{
    int high = hex4(at + 2, end), low;

    *ret_length = 6;
    if (high <= 0)
        return high < 0 ? ESCAPE_MALFORMED : ESCAPE_NUL;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (high > 0xDBFF || end - at < 12 || at[6] != '\\' || at[7] != 'u')
        return ESCAPE_SURROGATE;
    low = hex4(at + 8, end);
    if (low < 0xDC00 || low > 0xDFFF)
        return ESCAPE_SURROGATE;
    *ret_length = 12;
    return 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00);
}

static char short_escape(char c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found = c ? strchr(from, c) : NULL;

    return found ? to[found - from] : '\0';
}

static unsigned utf8_put(char *dst, uint32_t code)
{
    if (code < 0x80) {
        dst[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        dst[0] = (char)(0xC0 | code >> 6);
        dst[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        dst[0] = (char)(0xE0 | code >> 12);
        dst[1] = (char)(0x80 | (code >> 6 & 0x3F));
        dst[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    dst[0] = (char)(0xF0 | code >> 18);
    dst[1] = (char)(0x80 | (code >> 12 & 0x3F));
    dst[2] = (char)(0x80 | (code >> 6 & 0x3F));
    dst[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

size_t json_escape_decode(const char *at, const char *end, char *dst, unsigned *ret_bytes, const char **ret_what)
{
    size_t length = 2;
    int32_t code;

    *ret_what = "unknown escape";
    if (end - at < 2)
        return 0;
    if (at[1] != 'u') {
        dst[0] = short_escape(at[1]);
        *ret_bytes = 1;
        return dst[0] ? length : 0;
    }
    code = unicode_escape(at, end, &length);
    if (code < 0) {
        *ret_what = code == ESCAPE_MALFORMED ? "\\u needs four hex digits"
                    : code == ESCAPE_NUL     ? "\\u0000 is refused"
                                             : "half of a surrogate pair";
        return 0;
    }
    *ret_bytes = utf8_put(dst, (uint32_t)code);
    return length;
}

void json_span_decode(const struct json_span *span, char *dst)
{
    const char *at = span->bytes, *end = at + span->length, *what;
    unsigned bytes = 0;

    if (span->decoded == span->length) {
        memcpy(dst, at, span->length);
        return;
    }
    while (at < end) {
        char decoded[4];

        if (*at != '\\') {
            *dst++ = *at++;
            continue;
        }
        at += json_escape_decode(at, end, decoded, &bytes, &what);
        memcpy(dst, decoded, bytes);
        dst += bytes;
    }
}
