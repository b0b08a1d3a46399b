/* Code points are taken apart by hand, so that nothing depends on the locale but the widths of wide characters. */
#include "cli/safe_text.h"

#include <stdint.h>
#include <wchar.h>

#include "common/text.h"

static uint32_t code_point(const unsigned char *at, size_t length)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = at[0] & first_bits[length];

    for (size_t i = 1; i < length; i++)
        value = value << 6 | (at[i] & 0x3F);
    return value;
}

static bool is_harmless(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } bad[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},                       /* C0, DEL, C1 */
        {0x061C, 0x061C}, {0x200B, 0x200F},                   /* invisible, and marks of direction */
        {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, /* separators, embeddings, isolates */
        {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},                 /* annotations, tags */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (point >= bad[i].first && point <= bad[i].last)
            return false;
    return true;
}

void safe_text_add(struct buffer *out, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;

    while (at < end) {
        size_t step = text_utf8_step(at, (size_t)(end - at));
        uint32_t point = step ? code_point(at, step) : 0;

        if (step && is_harmless(point))
            buffer_add(out, at, step);
        else if (step > 1)
            buffer_add_format(out, "\\u%04x", (unsigned)point);
        else
            buffer_add_format(out, "\\x%02x", *at);
        at += step ? step : 1;
    }
}

static unsigned point_width(uint32_t point)
{
    int width = wcwidth((wchar_t)point);

    return width < 0 ? 1 : (unsigned)width;
}

unsigned safe_text_width(const char *text, size_t length)
{
    unsigned width = 0;

    for (size_t i = 0, step; i < length; i += step) {
        step = text_utf8_step(text + i, length - i);
        width += step ? point_width(code_point((const unsigned char *)text + i, step)) : 1;
        step = step ? step : 1;
    }
    return width;
}

size_t safe_text_cut(const char *text, size_t length, unsigned columns)
{
    size_t i = 0;

    while (i < length) {
        size_t step = text_utf8_step(text + i, length - i);
        unsigned width = step ? point_width(code_point((const unsigned char *)text + i, step)) : 1;

        if (width > columns)
            break;
        columns -= width;
        i += step ? step : 1;
    }
    return i;
}
