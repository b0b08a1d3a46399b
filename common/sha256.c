/* EVP's digest interface; EVP_MD_fetch is slow (it searches providers), so it runs once a process. */
#include "common/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/text.h"

#define READ_BYTES 65536

struct sha256 {
    EVP_MD_CTX *context;
    bool failed; /* sha256_hex then gives "", which is no digest and equals none */
};

static EVP_MD *algorithm;
static pthread_once_t algorithm_once = PTHREAD_ONCE_INIT;

static void algorithm_drop(void)
{
    EVP_MD_free(algorithm);
    algorithm = NULL;
}

static void algorithm_fetch(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    (void)atexit(algorithm_drop);
}

static void digest_start(struct sha256 *sha256)
{
    sha256->failed = EVP_DigestInit_ex2(sha256->context, algorithm, NULL) != 1;
}

struct sha256 *sha256_new(void)
{
    struct sha256 *sha256;

    (void)pthread_once(&algorithm_once, algorithm_fetch);
    sha256 = algorithm ? calloc(1, sizeof *sha256) : NULL;
    if (!sha256)
        return NULL;
    sha256->context = EVP_MD_CTX_new();
    if (sha256->context)
        digest_start(sha256);
    if (!sha256->context || sha256->failed) {
        sha256_free(sha256);
        return NULL;
    }
    return sha256;
}

void sha256_free(struct sha256 *sha256)
{
    if (!sha256)
        return;
    EVP_MD_CTX_free(sha256->context);
    free(sha256);
}

struct sha256 *sha256_copy(const struct sha256 *sha256)
{
    struct sha256 *copy = sha256->failed ? NULL : sha256_new();

    if (!copy || EVP_MD_CTX_copy_ex(copy->context, sha256->context) == 1)
        return copy;
    sha256_free(copy);
    return NULL;
}

void sha256_add(struct sha256 *sha256, const void *bytes, size_t length)
{
    if (length > 0 && EVP_DigestUpdate(sha256->context, bytes, length) != 1)
        sha256->failed = true;
}

bool sha256_digest(struct sha256 *sha256, void *ret_digest)
{
    bool good = EVP_DigestFinal_ex(sha256->context, ret_digest, NULL) == 1 && !sha256->failed;

    digest_start(sha256);
    return good;
}

bool sha256_peek(const struct sha256 *sha256, void *ret_digest)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool good = copy && EVP_MD_CTX_copy_ex(copy, sha256->context) == 1 && EVP_DigestFinal_ex(copy, ret_digest, NULL) == 1 && !sha256->failed;

    EVP_MD_CTX_free(copy);
    return good;
}

void sha256_hex(struct sha256 *sha256, char *ret_hex)
{
    unsigned char digest[SHA256_BYTES];

    if (sha256_digest(sha256, digest))
        text_hex(ret_hex, digest, sizeof digest);
    else
        ret_hex[0] = '\0';
}

bool sha256_of(const void *bytes, size_t length, void *ret_digest)
{
    struct sha256 *sha256 = sha256_new();
    bool good;

    if (!sha256)
        return false;
    sha256_add(sha256, bytes, length);
    good = sha256_digest(sha256, ret_digest);
    sha256_free(sha256);
    return good;
}

static enum drover_error file_add(struct sha256 *sha256, int fd, char *block, long long *ret_bytes)
{
    long long total = 0;

    for (;;) {
        ssize_t got = read(fd, block, READ_BYTES);

        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return DROVER_IO;
        sha256_add(sha256, block, (size_t)got);
        total += got;
    }
    if (ret_bytes)
        *ret_bytes = total;
    return DROVER_OK;
}

enum drover_error sha256_file(const char *path, char *ret_hex, long long *ret_bytes)
{
    struct sha256 *sha256 = sha256_new();
    char *block = malloc(READ_BYTES);
    enum drover_error error = sha256 && block ? DROVER_OK : DROVER_MEMORY;
    int fd = error ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int kept;

    if (!error && fd < 0)
        error = DROVER_IO;
    if (!error)
        error = file_add(sha256, fd, block, ret_bytes);
    if (!error)
        sha256_hex(sha256, ret_hex);
    kept = errno;
    if (fd >= 0)
        close(fd);
    free(block);
    sha256_free(sha256);
    errno = kept;
    return error;
}
