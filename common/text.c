/* Bounded strings. The rules for ids and words stand in the first lines. */
#include "common/text.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_id(char c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static bool is_word(char c)
{
    return is_id(c) || c == '+';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool all_are(bool (*is)(char c), const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is(text[i]))
            return false;
    return true;
}

bool text_copy(char *dst, size_t size, const char *src)
{
    return text_copy_n(dst, size, src, strlen(src));
}

bool text_copy_n(char *dst, size_t size, const char *src, size_t length)
{
    if (size == 0)
        return false;
    dst[0] = '\0';
    if (length >= size || (length && memchr(src, '\0', length)))
        return false;
    if (length)
        memcpy(dst, src, length);
    dst[length] = '\0';
    return true;
}

void text_lower(char *dst, size_t size, const char *src)
{
    size_t i = 0;
    for (; src[i] != '\0' && i + 1 < size; i++)
        dst[i] = src[i] >= 'A' && src[i] <= 'Z' ? (char)(src[i] - 'A' + 'a') : src[i];
    dst[i] = '\0';
}

bool text_is_id(const char *text, size_t length)
{
    return length >= 1 && length < ID_SIZE && is_alnum(text[0]) && all_are(is_id, text + 1, length - 1);
}

bool text_is_word(const char *text, size_t length)
{
    return length >= 1 && all_are(is_word, text, length);
}

bool text_is_hex(const char *text, size_t length, size_t digits)
{
    return length == digits && all_are(is_hex, text, length);
}

size_t text_utf8_step(const void *bytes, size_t left)
{
    const unsigned char *at = bytes;
    unsigned char low = 0x80, high = 0xBF; /* what the second byte may be (RFC 3629, section 4) */
    size_t length;

    if (left == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (at[0] == 0xE0)
        low = 0xA0; /* overlong */
    else if (at[0] == 0xED)
        high = 0x9F; /* surrogates */
    else if (at[0] == 0xF0)
        low = 0x90; /* overlong */
    else if (at[0] == 0xF4)
        high = 0x8F; /* over U+10FFFF */
    if (length > left || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool text_is_utf8(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;

    while (length > 0) {
        size_t step = text_utf8_step(at, length);

        if (step == 0)
            return false;
        at += step;
        length -= step;
    }
    return true;
}

bool text_is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c == 0x7F)
            return false;
        if (c == 0xC2 && i + 1 < length && (unsigned char)text[i + 1] < 0xA0) /* U+0080 .. U+009F */
            return false;
    }
    return text_is_utf8(text, length);
}

char *text_put_u64(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return end;
}

char *text_put_i64(char *end, int64_t value)
{
    end = text_put_u64(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--end = '-';
    return end;
}

bool text_to_i64(const char *text, size_t length, int64_t min, int64_t max, int64_t *ret_value)
{
    bool negative = length > 0 && text[0] == '-';
    size_t first = negative ? 1 : 0;
    int64_t value = 0;

    if (length == first || (text[first] == '0' && length > 1)) /* "", "-", "-0", "01" */
        return false;
    for (size_t i = first; i < length; i++) {
        int digit = text[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* counted downwards: INT64_MIN has no positive twin */
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    if (value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

void text_hex(char *dst, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;

    for (size_t i = 0; i < n; i++) {
        *dst++ = digits[at[i] >> 4];
        *dst++ = digits[at[i] & 15];
    }
    *dst = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_unhex(void *dst, size_t n, const char *text)
{
    unsigned char *at = dst;

    if (strlen(text) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        at[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

char *text_excerpt(char *dst, size_t size, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    bool cut = length >= size;
    size_t kept = cut ? size - 1 : length;

    if (size == 0)
        return dst;
    for (size_t i = 0; i < kept; i++)
        dst[i] = at[i] >= 0x20 && at[i] < 0x7F ? (char)at[i] : '?';
    dst[kept] = '\0';
    if (cut && kept >= 3)
        memcpy(dst + kept - 3, "...", 3);
    return dst;
}
