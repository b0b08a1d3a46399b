/* Writing JSON member by member. The buffer remembers a failure, so nothing here returns an error. */
#include "common/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

/* The code point of a well-formed character of `step` bytes. */
static uint32_t utf8_code(const unsigned char *at, size_t step)
{
    uint32_t code = step == 2 ? at[0] & 0x1Fu : step == 3 ? at[0] & 0x0Fu : at[0] & 0x07u;

    for (size_t i = 1; i < step; i++)
        code = code << 6 | (at[i] & 0x3Fu);
    return code;
}

/* One character that cannot stand as it is. Returns how many bytes it took; broken UTF-8 becomes U+FFFD byte by byte. */
static size_t add_escaped(struct buffer *buffer, const char *at, size_t left)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = *at ? strchr(from, *at) : NULL;
    size_t step = text_utf8_step(at, left);
    uint32_t code;

    if (found) {
        buffer_add(buffer, (char[]){'\\', to[found - from]}, 2);
        return 1;
    }
    code = step == 0 ? 0xFFFD : step == 1 ? (unsigned char)*at : utf8_code((const unsigned char *)at, step);
    if (code < 0x10000)
        buffer_add_format(buffer, "\\u%04" PRIx32, code);
    else
        buffer_add_format(buffer, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xD800 + ((code - 0x10000) >> 10),
                          0xDC00 + ((code - 0x10000) & 0x3FF));
    return step ? step : 1;
}

static bool stands_as_it_is(char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static size_t plain_length(const char *text, size_t length)
{
    size_t plain = 0;

    while (plain < length && stands_as_it_is(text[plain]))
        plain++;
    return plain;
}

void json_add_quoted(struct buffer *buffer, const char *text)
{
    json_add_quoted_n(buffer, text, strlen(text));
}

void json_add_quoted_n(struct buffer *buffer, const char *text, size_t length)
{
    const char *end = text + length;
    size_t plain = plain_length(text, length);
    char *room = plain == length ? buffer_extend(buffer, length + 2) : NULL;

    if (room) { /* nearly every text */
        room[0] = room[length + 1] = '"';
        memcpy(room + 1, text, length);
        return;
    }
    buffer_add(buffer, "\"", 1);
    while (text < end) {
        plain = plain_length(text, (size_t)(end - text));
        buffer_add(buffer, text, plain);
        text += plain;
        if (text < end)
            text += add_escaped(buffer, text, (size_t)(end - text));
    }
    buffer_add(buffer, "\"", 1);
}

static void put_name(struct json_writer *writer, const char *name)
{
    if (!writer->first)
        buffer_add(writer->buffer, ",", 1);
    writer->first = false;
    if (!name)
        return;
    json_add_quoted(writer->buffer, name);
    buffer_add(writer->buffer, ":", 1);
}

static void open_container(struct json_writer *writer, const char *bracket)
{
    buffer_add(writer->buffer, bracket, 1);
    writer->depth++;
    writer->first = true;
}

static void close_container(struct json_writer *writer, const char *bracket)
{
    buffer_add(writer->buffer, bracket, 1);
    writer->depth--;
    writer->first = false;
}

void json_begin(struct json_writer *writer, struct buffer *buffer)
{
    *writer = (struct json_writer){.buffer = buffer};
    open_container(writer, "{");
}

void json_end(struct json_writer *writer)
{
    close_container(writer, "}");
}

void json_put_text(struct json_writer *writer, const char *name, const char *value)
{
    if (!value)
        return;
    put_name(writer, name);
    json_add_quoted(writer->buffer, value);
}

void json_put_i64(struct json_writer *writer, const char *name, int64_t value)
{
    char text[TEXT_I64_SIZE], *end = text + sizeof text, *begin = text_put_i64(end, value);

    put_name(writer, name);
    buffer_add(writer->buffer, begin, (size_t)(end - begin));
}

void json_put_scaled(struct json_writer *writer, const char *name, int64_t value, int decimals)
{
    char text[48];
    int64_t power = 1;
    int length;

    for (int i = 0; i < decimals; i++)
        power *= 10;
    length = snprintf(text, sizeof text, "%" PRId64, value / power);
    if (value % power != 0) {
        length += snprintf(text + length, sizeof text - (size_t)length, ".%0*" PRId64, decimals, value % power);
        while (text[length - 1] == '0')
            length--;
    }
    put_name(writer, name);
    buffer_add(writer->buffer, text, (size_t)length);
}

void json_put_bool(struct json_writer *writer, const char *name, bool value)
{
    put_name(writer, name);
    buffer_add_text(writer->buffer, value ? "true" : "false");
}

void json_open_object(struct json_writer *writer, const char *name)
{
    put_name(writer, name);
    open_container(writer, "{");
}

void json_close_object(struct json_writer *writer)
{
    close_container(writer, "}");
}

void json_open_array(struct json_writer *writer, const char *name)
{
    put_name(writer, name);
    open_container(writer, "[");
}

void json_close_array(struct json_writer *writer)
{
    close_container(writer, "]");
}
