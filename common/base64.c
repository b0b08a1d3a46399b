/* Four characters are three bytes; the last group may be two characters (one byte) or three (two bytes), padded or not by the alphabet. */
#include "common/base64.h"

#include <stdint.h>
#include <string.h>

struct alphabet {
    const char *letters;   /* 64 of them */
    bool padded;
};

static const struct alphabet standard = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true};
static const struct alphabet url = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false};

static void add(struct buffer *buffer, const struct alphabet *alphabet, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length; at += 3) {
        size_t count = length - at < 3 ? length - at : 3;
        uint32_t group = (uint32_t)bytes[at] << 16 | (count > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) | (count > 2 ? bytes[at + 2] : 0);
        char text[4];

        for (unsigned i = 0; i < 4; i++)
            text[i] = i <= count ? alphabet->letters[group >> (18 - 6 * i) & 63] : '=';
        buffer_add(buffer, text, alphabet->padded ? 4 : count + 1);
    }
}

/* The value of a letter; -1 when it is none. */
static int value_of(const struct alphabet *alphabet, char letter)
{
    const char *at = letter ? strchr(alphabet->letters, letter) : NULL;

    return at ? (int)(at - alphabet->letters) : -1;
}

/* One group of 2 to 4 letters; false when a letter is none or bits are left over. */
static bool group_read(const struct alphabet *alphabet, const char *text, size_t letters, uint8_t ret[3])
{
    uint32_t group = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < letters ? value_of(alphabet, text[i]) : 0;

        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
    }
    for (unsigned i = 0; i < 3; i++)
        ret[i] = (uint8_t)(group >> (16 - 8 * i));
    return (letters > 2 || ret[1] == 0) && (letters > 3 || ret[2] == 0);
}

static bool read_all(const struct alphabet *alphabet, const char *text, size_t length, uint8_t *ret, size_t size, size_t *ret_length)
{
    size_t done = 0;

    if (alphabet->padded) {
        if (length % 4 != 0)
            return false;
        for (unsigned i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
            length--;
    }
    for (size_t at = 0; at < length; at += 4) {
        size_t letters = length - at < 4 ? length - at : 4;
        uint8_t bytes[3];

        if (letters < 2 || !group_read(alphabet, text + at, letters, bytes) || size - done < letters - 1)
            return false;
        memcpy(ret + done, bytes, letters - 1);
        done += letters - 1;
    }
    *ret_length = done;
    return true;
}

void base64_add(struct buffer *buffer, const void *bytes, size_t length)
{
    add(buffer, &standard, bytes, length);
}

void base64url_add(struct buffer *buffer, const void *bytes, size_t length)
{
    add(buffer, &url, bytes, length);
}

bool base64_read(const char *text, size_t length, void *ret, size_t size, size_t *ret_length)
{
    return read_all(&standard, text, length, ret, size, ret_length);
}

bool base64url_read(const char *text, size_t length, void *ret, size_t size, size_t *ret_length)
{
    return read_all(&url, text, length, ret, size, ret_length);
}
