/* Private keys: made here, read from PEM, or left in a token. Nothing here asks on a terminal by itself, and whatever held a secret is wiped. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/key.h"
#include "firmware/key_internal.h"
#include "firmware/pkcs11.h"

#define FILE_BYTES_MAX (64 * 1024)
#define PASSPHRASE_SIZE 1024          /* what OpenSSL's PEM reader can take */
#define PBKDF2_ROUNDS 600000          /* OWASP's figure for PBKDF2-HMAC-SHA256, 2023 */
#define SALT_BYTES 16

static void add_der(const EVP_PKEY *evp, struct buffer *der)
{
    unsigned char *bytes = NULL;
    int length = i2d_PUBKEY(evp, &bytes);

    if (length > 0)
        buffer_add(der, bytes, (size_t)length);
    OPENSSL_free(bytes);
}

/* Through DER, so that the half of a key in a token is one of OpenSSL's own. A private key may hold its point compressed; the form that
 * names a key is uncompressed. */
static void public_half(const EVP_PKEY *evp, struct buffer *der)
{
    const unsigned char *at;
    EVP_PKEY *half;

    add_der(evp, der);
    at = (const unsigned char *)der->bytes;
    half = der->length > 0 ? d2i_PUBKEY(NULL, &at, (long)der->length) : NULL;
    if (half && EVP_PKEY_is_a(half, "EC")) {
        (void)EVP_PKEY_set_utf8_string_param(half, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
        buffer_clear(der);
        add_der(half, der);
    }
    EVP_PKEY_free(half);
    ERR_clear_error();
}

enum drover_error private_key_take(EVP_PKEY *evp, bool in_token, const char *where, struct private_key **ret_key, struct problem *ret_problem)
{
    struct private_key *key = calloc(1, sizeof *key);
    struct buffer der;
    enum drover_error error = DROVER_OK;

    buffer_init(&der, 0);
    public_half(evp, &der);
    if (!key)
        error = problem_set(ret_problem, DROVER_MEMORY, where, "no memory for the key");
    else if (der.failed || der.length == 0)
        error = problem_set(ret_problem, DROVER_UNKNOWN, where, "the key has no public half that could be used");
    else
        error = public_key_read_der(der.bytes, der.length, &key->public, ret_problem);
    buffer_done(&der);
    if (error) {
        EVP_PKEY_free(evp);
        free(key);
        return error;
    }
    key->evp = evp;
    key->in_token = in_token;
    *ret_key = key;
    return DROVER_OK;
}

enum drover_error private_key_generate(enum key_type type, struct private_key **ret_key, struct problem *ret_problem)
{
    EVP_PKEY *evp = NULL;

    switch (type) {
    case KEY_RSA_2048: evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048); break;
    case KEY_RSA_3072: evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072); break;
    case KEY_RSA_4096: evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)4096); break;
    case KEY_EC_P256: evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); break;
    case KEY_ED25519: evp = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
    case KEY_X25519: evp = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"); break;
    case KEY_TYPE_COUNT: break;
    }
    if (!evp)
        return problem_set(ret_problem, DROVER_UNAVAILABLE, "key", "OpenSSL made no %s key", key_type_name(type));
    return private_key_take(evp, false, "key", ret_key, ret_problem);
}

/* The passphrase is asked for at most once, however often OpenSSL wants it. */
struct passphrase {
    const struct key_secret *secret;
    const char *source;
    bool wanted, known;
    char text[PASSPHRASE_SIZE];
};

static int passphrase_wanted(char *ret, int size, int for_writing, void *arg)
{
    struct passphrase *passphrase = arg;
    char what[128];
    size_t length;

    (void)for_writing;
    if (!passphrase->wanted) {
        const char *slash = strrchr(passphrase->source, '/');

        passphrase->wanted = true;
        (void)snprintf(what, sizeof what, "passphrase of %s", slash ? slash + 1 : passphrase->source);
        passphrase->known = passphrase->secret && passphrase->secret->ask
            && passphrase->secret->ask(passphrase->secret->arg, what, passphrase->text, sizeof passphrase->text);
    }
    length = passphrase->known ? strnlen(passphrase->text, sizeof passphrase->text) : 0;
    if (!passphrase->known || length > (size_t)size)
        return -1;
    memcpy(ret, passphrase->text, length);
    return (int)length;
}

static const char *find(const char *at, const char *end, const char *text)
{
    return at < end ? memmem(at, (size_t)(end - at), text, strlen(text)) : NULL;
}

static bool is_block(const char *begin, const char *end, const char *name)
{
    size_t length = strlen(name);

    return (size_t)(end - begin) >= length && memcmp(begin, name, length) == 0;
}

/* One private key and nothing behind it; a block of EC PARAMETERS may come before (openssl ecparam writes it). */
static enum drover_error check_blocks(const char **at, const char *end, const char *where, struct problem *ret_problem)
{
    static const char begin[] = "-----BEGIN ", parameters[] = "-----BEGIN EC PARAMETERS-----";
    const char *first = find(*at, end, begin), *tail;

    if (first && is_block(first, end, parameters))
        first = find(first + sizeof begin, end, begin);
    if (!first)
        return problem_set(ret_problem, DROVER_SYNTAX, where, "no PEM block");
    *at = first;
    if (find(first + sizeof begin, end, begin))
        return problem_set(ret_problem, DROVER_DUPLICATE, where, "several PEM blocks; a key file holds one key");
    tail = find(first, end, "-----END ");
    tail = tail ? memchr(tail, '\n', (size_t)(end - tail)) : NULL;
    for (; tail && tail < end; tail++)
        if (*tail == '\0' || !strchr(" \t\r\n", *tail))
            return problem_set(ret_problem, DROVER_SYNTAX, where, "something follows the PEM block");
    return DROVER_OK;
}

static enum drover_error read_pem(const char *bytes, size_t length, const char *source, const struct key_secret *secret,
                                  struct private_key **ret_key, struct problem *ret_problem)
{
    struct passphrase passphrase = {.secret = secret, .source = source};
    const char *at = bytes;
    enum drover_error error = check_blocks(&at, bytes + length, source, ret_problem);
    EVP_PKEY *evp = NULL;
    BIO *bio;

    if (error)
        return error;
    bio = BIO_new_mem_buf(at, (int)(bytes + length - at));
    if (bio)
        evp = PEM_read_bio_PrivateKey(bio, NULL, passphrase_wanted, &passphrase);
    BIO_free(bio);
    ERR_clear_error();
    OPENSSL_cleanse(passphrase.text, sizeof passphrase.text);
    if (evp)
        return private_key_take(evp, false, source, ret_key, ret_problem);
    if (passphrase.wanted)
        return problem_set(ret_problem, DROVER_REFUSED, source, passphrase.known ? "wrong passphrase" : "is encrypted, and there is no passphrase");
    return problem_set(ret_problem, DROVER_SYNTAX, source, "not a private key in PEM");
}

/* Up to FILE_BYTES_MAX bytes, and one more that says it was too much. */
static enum drover_error read_file(const char *path, char *bytes, size_t *ret_length, struct problem *ret_problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum drover_error error = DROVER_OK;
    size_t length = 0;
    ssize_t got = 1;

    if (fd < 0)
        return problem_set(ret_problem, errno == ENOENT ? DROVER_NOT_FOUND : DROVER_IO, path, "%s", strerror(errno));
    while (!error && got != 0 && length <= FILE_BYTES_MAX) {
        got = read(fd, bytes + length, FILE_BYTES_MAX + 1 - length);
        if (got > 0)
            length += (size_t)got;
        else if (got < 0 && errno != EINTR)
            error = problem_set(ret_problem, DROVER_IO, path, "%s", strerror(errno));
    }
    close(fd);
    if (!error && length > FILE_BYTES_MAX)
        error = problem_set(ret_problem, DROVER_TOO_LONG, path, "over %d bytes; not a key file", FILE_BYTES_MAX);
    *ret_length = length;
    return error;
}

enum drover_error private_key_open(const char *source, const struct key_secret *secret, struct private_key **ret_key, struct problem *ret_problem)
{
    char *bytes;
    size_t length = 0;
    enum drover_error error;

    if (strncmp(source, PKCS11_SCHEME, strlen(PKCS11_SCHEME)) == 0)
        return pkcs11_key_open(source, secret, ret_key, ret_problem);
    bytes = malloc(FILE_BYTES_MAX + 1);
    if (!bytes)
        return problem_set(ret_problem, DROVER_MEMORY, source, "no memory to read it");
    error = read_file(source, bytes, &length, ret_problem);
    if (!error)
        error = read_pem(bytes, length, source, secret, ret_key, ret_problem);
    OPENSSL_cleanse(bytes, FILE_BYTES_MAX + 1);
    free(bytes);
    return error;
}

static X509_SIG *encrypt(PKCS8_PRIV_KEY_INFO *info, const char *passphrase)
{
    unsigned char salt[SALT_BYTES];

    if (RAND_bytes(salt, sizeof salt) != 1)
        return NULL;
    return PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase), salt, sizeof salt, PBKDF2_ROUNDS, info);
}

static bool write_pkcs8(BIO *bio, const EVP_PKEY *evp, const char *passphrase)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(evp);
    X509_SIG *encrypted = info && passphrase ? encrypt(info, passphrase) : NULL;
    bool good = info && (passphrase ? encrypted && PEM_write_bio_PKCS8(bio, encrypted) == 1 : PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1);

    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(encrypted);
    return good;
}

enum drover_error private_key_write_pem(const struct private_key *key, const char *passphrase, struct buffer *pem, struct problem *ret_problem)
{
    BIO *bio;
    char *bytes;
    long length;

    if (key->in_token)
        return problem_set(ret_problem, DROVER_REFUSED, "key", "it is in a token and does not leave it");
    if (passphrase && (passphrase[0] == '\0' || strlen(passphrase) >= PASSPHRASE_SIZE))
        return problem_set(ret_problem, DROVER_RANGE, "passphrase", "must have 1 to %d bytes", PASSPHRASE_SIZE - 1);
    bio = BIO_new(BIO_s_secmem());
    if (!bio || !write_pkcs8(bio, key->evp, passphrase)) {
        BIO_free(bio);
        ERR_clear_error();
        return problem_set(ret_problem, DROVER_MEMORY, "key", "OpenSSL could not write it");
    }
    length = BIO_get_mem_data(bio, &bytes);
    buffer_add(pem, bytes, (size_t)length);
    BIO_free(bio); /* wiped there */
    return pem->failed ? problem_set(ret_problem, DROVER_MEMORY, "key", "no memory for its text") : DROVER_OK;
}

void private_key_free(struct private_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->evp);
    public_key_free(key->public);
    free(key);
}

struct public_key *private_key_public(const struct private_key *key)
{
    return public_key_copy(key->public);
}

enum key_type private_key_type(const struct private_key *key)
{
    return key->public->type;
}

const uint8_t *private_key_id(const struct private_key *key)
{
    return key->public->id;
}

struct evp_pkey_st *private_key_evp(const struct private_key *key)
{
    return key->evp;
}
