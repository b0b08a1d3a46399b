/* Model keys: 32 random bytes that all devices of a model share. Kept as a file of hex digits, named by a digest that shows nothing of them. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "firmware/recipient.h"

#define DIGITS (2 * CONTENT_KEY_BYTES)

void model_key_id(const uint8_t model_key[CONTENT_KEY_BYTES], uint8_t ret_id[KEY_ID_BYTES])
{
    static const char purpose[] = "drover model key id";

    if (!HMAC(EVP_sha256(), model_key, CONTENT_KEY_BYTES, (const unsigned char *)purpose, sizeof purpose - 1, ret_id, NULL))
        memset(ret_id, 0, KEY_ID_BYTES); /* names no key */
}

/* Up to size bytes, also from a pipe; -1: errno. */
static ssize_t read_some(int fd, char *bytes, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(fd, bytes + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

enum drover_error model_key_read_file(const char *path, uint8_t ret_key[CONTENT_KEY_BYTES], struct problem *ret_problem)
{
    char text[DIGITS + 2]; /* the digits, a line feed, and a byte that must not be there */
    uint8_t key[CONTENT_KEY_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read_some(fd, text, sizeof text);
    int failed_with = errno;
    bool good;

    if (fd >= 0)
        close(fd);
    if (length < 0)
        return problem_set(ret_problem, failed_with == ENOENT ? DROVER_NOT_FOUND : DROVER_IO, "model key", "%.48s: %s", path, strerror(failed_with));
    good = length == DIGITS + 1 && text[DIGITS] == '\n';
    text[DIGITS] = '\0';
    good = good && text_unhex(key, sizeof key, text);
    if (good)
        memcpy(ret_key, key, sizeof key);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(key, sizeof key);
    return good ? DROVER_OK : problem_set(ret_problem, DROVER_SYNTAX, "model key", "%.48s: not %d hex digits and a line feed", path, DIGITS);
}
