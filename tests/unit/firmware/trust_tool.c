/* The library's keys, signatures and JWS for Python tests, which hold them against other programs. The environment's SECRET is the passphrase or PIN.
 *   trust_tool generate TYPE FILE                   a private key, encrypted when there is a SECRET
 *   trust_tool public SOURCE...                     id, type and PEM of the public half of each
 *   trust_tool sign SOURCE ALGORITHM FILE OUT       the signature's bytes; ALGORITHM "-" is the key's usual one, its name is printed
 *   trust_tool verify PUBLIC ALGORITHM FILE SIGNATURE
 *   trust_tool jws TYP PAYLOAD SOURCE...            a JWS
 *   trust_tool jws-check TYP JWS PUBLIC...          the payload, when each of the keys has a valid signature
 * A refusal is printed as "error where: what"; exit code 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "firmware/jws.h"
#include "firmware/key.h"
#include "firmware/signature.h"

#define KEYS_MAX 8

static struct problem problem;
static struct private_key *keys[KEYS_MAX];
static unsigned key_count;

static bool secret_ask(void *arg, const char *what, char *ret, size_t size)
{
    const char *secret = getenv("SECRET");

    (void)arg;
    (void)fprintf(stderr, "asked for the %s\n", what);
    return secret && text_copy(ret, size, secret);
}

static enum drover_error keys_open(char **sources, int count)
{
    const struct key_secret secret = {secret_ask, NULL};
    enum drover_error error = DROVER_OK;

    for (int i = 0; !error && i < count && key_count < KEYS_MAX; i++) {
        error = private_key_open(sources[i], &secret, &keys[key_count], &problem);
        key_count += !error;
    }
    return error;
}

static enum drover_error file_read(const char *path, struct buffer *ret)
{
    FILE *file = fopen(path, "rb");
    char block[4096];
    size_t got;

    buffer_init(ret, 0);
    if (!file)
        return problem_set(&problem, DROVER_IO, path, "cannot be opened");
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buffer_add(ret, block, got);
    fclose(file);
    return DROVER_OK;
}

static enum drover_error file_write(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(bytes, 1, length, file) == length;

    if (file && fclose(file) != 0)
        good = false;
    return good ? DROVER_OK : problem_set(&problem, DROVER_IO, path, "cannot be written");
}

static enum drover_error public_open(const char *path, struct public_key **ret_key)
{
    struct buffer pem;
    enum drover_error error = file_read(path, &pem);

    if (!error)
        error = public_key_read_pem(pem.length ? pem.bytes : "", pem.length, ret_key, &problem);
    buffer_done(&pem);
    return error;
}

static enum drover_error algorithm_read(const char *name, enum signature_algorithm *ret)
{
    *ret = 0;
    return strcmp(name, "-") == 0 || signature_algorithm_from_name(name, ret) ? DROVER_OK : problem_set(&problem, DROVER_UNKNOWN, "algorithm", "%s", name);
}

static enum drover_error generate(char **arguments, int count)
{
    enum key_type type;
    struct buffer pem;
    enum drover_error error;

    (void)count;
    if (!key_type_from_name(arguments[0], &type))
        return problem_set(&problem, DROVER_UNKNOWN, "type", "%s", arguments[0]);
    error = private_key_generate(type, &keys[0], &problem);
    if (error)
        return error;
    key_count = 1;
    buffer_init(&pem, 0);
    error = private_key_write_pem(keys[0], getenv("SECRET"), &pem, &problem);
    if (!error)
        error = file_write(arguments[1], pem.bytes, pem.length);
    buffer_done(&pem);
    return error;
}

static enum drover_error public_halves(char **arguments, int count)
{
    enum drover_error error = keys_open(arguments, count);

    for (unsigned i = 0; !error && i < key_count; i++) {
        struct public_key *key = private_key_public(keys[i]);
        char id[KEY_ID_HEX_SIZE];
        struct buffer pem;

        text_hex(id, public_key_id(key), KEY_ID_BYTES);
        buffer_init(&pem, 0);
        error = public_key_write_pem(key, &pem);
        (void)printf("%s\n%s\n%s", id, key_type_name(public_key_type(key)), pem.bytes);
        buffer_done(&pem);
        public_key_free(key);
    }
    return error;
}

static enum drover_error sign(char **arguments, int count)
{
    enum signature_algorithm algorithm;
    struct signature signature;
    struct buffer document;
    enum drover_error error = keys_open(arguments, 1);

    (void)count;
    if (!error)
        error = algorithm_read(arguments[1], &algorithm);
    if (!error)
        error = file_read(arguments[2], &document);
    if (error)
        return error;
    error = signature_make(keys[0], algorithm, document.bytes, document.length, &signature, &problem);
    buffer_done(&document);
    if (error)
        return error;
    (void)printf("%s\n", signature_algorithm_name((enum signature_algorithm)signature.algorithm));
    return file_write(arguments[3], signature.bytes, signature.length);
}

static enum drover_error verify(char **arguments, int count)
{
    struct signature signature = {0};
    enum signature_algorithm algorithm = 0;
    struct public_key *key = NULL;
    struct buffer document = {0}, bytes = {0};
    enum drover_error error = public_open(arguments[0], &key);

    (void)count;
    if (!error)
        error = algorithm_read(arguments[1], &algorithm);
    if (!error)
        error = file_read(arguments[2], &document);
    if (!error)
        error = file_read(arguments[3], &bytes);
    if (!error && bytes.length > sizeof signature.bytes)
        error = problem_set(&problem, DROVER_TOO_LONG, "signature", "%zu bytes", bytes.length);
    if (!error) {
        memcpy(signature.key_id, public_key_id(key), KEY_ID_BYTES);
        memcpy(signature.bytes, bytes.bytes, bytes.length);
        signature.algorithm = (uint16_t)algorithm;
        signature.length = (uint16_t)bytes.length;
        if (!signature_is_valid(&signature, key, document.bytes, document.length))
            error = problem_set(&problem, DROVER_REFUSED, "signature", "is not valid");
    }
    public_key_free(key);
    buffer_done(&document);
    buffer_done(&bytes);
    return error;
}

static enum drover_error jws(char **arguments, int count)
{
    enum drover_error error = keys_open(arguments + 2, count - 2);
    struct buffer text;

    if (error)
        return error;
    buffer_init(&text, 0);
    error = jws_make(arguments[0], arguments[1], strlen(arguments[1]), (const struct private_key *const *)keys, key_count, &text, &problem);
    if (!error)
        (void)printf("%s\n", text.bytes);
    buffer_done(&text);
    return error;
}

static bool somebody_signed(const struct jws *jws, const struct public_key *key)
{
    for (unsigned i = 0; i < jws->count; i++)
        if (jws_signature_is_valid(&jws->signatures[i], key))
            return true;
    return false;
}

static enum drover_error jws_check(char **arguments, int count)
{
    struct jws *jws = calloc(1, sizeof *jws);
    enum drover_error error = jws ? jws_read(arguments[1], strlen(arguments[1]), arguments[0], jws, &problem) : DROVER_MEMORY;

    for (int i = 2; !error && i < count; i++) {
        struct public_key *key = NULL;

        error = public_open(arguments[i], &key);
        if (!error && !somebody_signed(jws, key))
            error = problem_set(&problem, DROVER_REFUSED, "signature", "%d is missing or not valid", i - 2);
        public_key_free(key);
    }
    if (!error)
        (void)printf("%s\n", jws->payload.length ? jws->payload.bytes : "");
    if (jws)
        jws_done(jws);
    free(jws);
    return error;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int least;
        enum drover_error (*run)(char **arguments, int count);
    } commands[] = {{"generate", 2, generate}, {"public", 1, public_halves}, {"sign", 4, sign}, {"verify", 4, verify}, {"jws", 3, jws}, {"jws-check", 3, jws_check}};
    enum drover_error error = DROVER_OK;
    bool known = false;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (argc - 2 >= commands[i].least && strcmp(argv[1], commands[i].name) == 0) {
            known = true;
            error = commands[i].run(argv + 2, argc - 2);
        }
    for (unsigned i = 0; i < key_count; i++)
        private_key_free(keys[i]);
    if (error)
        (void)printf("%s %s: %s\n", drover_error_name(error), problem.where, problem.what);
    return known ? error != DROVER_OK : 2;
}
