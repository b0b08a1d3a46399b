/* See key_options.h. Model keys are wiped when they are closed. */
#include "cli/key_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/secret.h"
#include "cli/work.h"
#include "common/clock.h"
#include "common/text.h"

#define PEM_BYTES_MAX 16384
#define MODEL_KEY_DIGITS (2 * CONTENT_KEY_BYTES)

/* False: errno says why. */
static bool file_add(int fd, struct buffer *bytes)
{
    char part[4096];
    ssize_t got;

    do {
        got = read(fd, part, sizeof part);
        if (got > 0)
            buffer_add(bytes, part, (size_t)got);
    } while (!bytes->failed && (got > 0 || (got < 0 && errno == EINTR)));
    explicit_bzero(part, sizeof part);
    return bytes->failed || got == 0;
}

enum cli_exit small_file_read(struct cli *cli, const char *path, size_t limit, struct buffer *ret_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum cli_exit code = CLI_OK;

    buffer_init(ret_bytes, limit);
    if (fd < 0 || !file_add(fd, ret_bytes))
        code = cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    else if (ret_bytes->failed)
        code = cli_fail(cli, CLI_FAILED, "%s: is over %zu bytes", path, limit);
    if (fd >= 0)
        close(fd);
    if (code)
        buffer_done(ret_bytes);
    return code;
}

static enum cli_exit private_key_of(struct cli *cli, const char *source, struct private_key **ret_key)
{
    struct key_secret secret = secret_source(cli);
    struct problem problem = {0};

    return work_failed(cli, source, private_key_open(source, &secret, ret_key, &problem), &problem);
}

/* Before any long work: a key that cannot sign, or not that way. */
static enum cli_exit signer_check(struct cli *cli, const char *source, const struct private_key *key)
{
    static const enum signature_algorithm usual[KEY_TYPE_COUNT] = {
        [KEY_RSA_2048] = SIGNATURE_RSA_PSS_SHA256, [KEY_RSA_3072] = SIGNATURE_RSA_PSS_SHA256, [KEY_RSA_4096] = SIGNATURE_RSA_PSS_SHA256,
        [KEY_EC_P256] = SIGNATURE_ECDSA_P256_SHA256, [KEY_ED25519] = SIGNATURE_ED25519,
    };
    enum key_type type = private_key_type(key);
    enum signature_algorithm wanted = signing_algorithm(cli);

    if (!key_type_signs(type))
        return cli_fail(cli, CLI_FAILED, "%s: a key of type %s signs nothing", source, key_type_name(type));
    if (wanted == SIGNATURE_RSA_PKCS1_SHA256)
        wanted = SIGNATURE_RSA_PSS_SHA256; /* the same keys do both */
    if (wanted && wanted != usual[type])
        return cli_fail(cli, CLI_FAILED, "%s: a key of type %s cannot sign with %s", source, key_type_name(type), cli_text(cli, OPT_ALGORITHM));
    return CLI_OK;
}

enum cli_exit signers_open(struct cli *cli, enum option_id option, struct signers *ret_signers)
{
    const char *source;
    enum cli_exit code = CLI_OK;

    *ret_signers = (struct signers){0};
    for (unsigned i = 0; !code && i < KEYS_MAX && (source = cli_text_at(cli, option, i)); i++) {
        code = private_key_of(cli, source, &ret_signers->keys[i]);
        if (!code) {
            ret_signers->count++;
            code = signer_check(cli, source, ret_signers->keys[i]);
        }
    }
    return code;
}

void signers_close(struct signers *signers)
{
    for (unsigned i = 0; i < signers->count; i++)
        private_key_free(signers->keys[i]);
    signers->count = 0;
}

enum signature_algorithm signing_algorithm(const struct cli *cli)
{
    const char *name = cli_text(cli, OPT_ALGORITHM);
    enum signature_algorithm algorithm = 0;

    if (name)
        (void)signature_algorithm_from_name(name, &algorithm); /* the option's choices are these names */
    return algorithm;
}

enum cli_exit public_key_open(struct cli *cli, const char *path, struct public_key **ret_key)
{
    struct problem problem = {0};
    struct buffer pem;
    enum cli_exit code = small_file_read(cli, path, PEM_BYTES_MAX, &pem);

    if (code)
        return code;
    code = work_failed(cli, path, public_key_read_pem(pem.bytes ? pem.bytes : "", pem.length, ret_key, &problem), &problem);
    buffer_done(&pem);
    return code;
}

/* 64 hex digits and a line feed: no PEM looks like that. */
static bool is_model_key(const char *path)
{
    char start[MODEL_KEY_DIGITS + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, start, sizeof start);
    bool is = got >= MODEL_KEY_DIGITS && text_is_hex(start, MODEL_KEY_DIGITS, MODEL_KEY_DIGITS);

    if (fd >= 0)
        close(fd);
    explicit_bzero(start, sizeof start);
    return is;
}

static enum cli_exit decrypt_key_open(struct cli *cli, const char *source, struct decrypt_keys *keys)
{
    struct problem problem = {0};
    enum cli_exit code;

    if (!is_model_key(source)) {
        code = private_key_of(cli, source, &keys->private_keys[keys->keys.private_key_count]);
        keys->keys.private_key_count += code ? 0 : 1;
        return code;
    }
    code = work_failed(cli, source, model_key_read_file(source, keys->model_keys[keys->keys.model_key_count], &problem), &problem);
    keys->keys.model_key_count += code ? 0 : 1;
    return code;
}

enum cli_exit decrypt_keys_open(struct cli *cli, struct decrypt_keys *ret_keys)
{
    const char *source;
    enum cli_exit code = CLI_OK;

    memset(ret_keys, 0, sizeof *ret_keys);
    ret_keys->keys.model_keys = (const uint8_t(*)[CONTENT_KEY_BYTES])ret_keys->model_keys;
    ret_keys->keys.private_keys = (const struct private_key *const *)ret_keys->private_keys;
    for (unsigned i = 0; !code && i < KEYS_MAX && (source = cli_text_at(cli, OPT_DECRYPT_KEY, i)); i++)
        code = decrypt_key_open(cli, source, ret_keys);
    return code;
}

void decrypt_keys_close(struct decrypt_keys *keys)
{
    for (unsigned i = 0; i < keys->keys.private_key_count; i++)
        private_key_free(keys->private_keys[i]);
    explicit_bzero(keys, sizeof *keys);
}

const struct recipient_keys *decrypt_keys_use(const struct decrypt_keys *keys)
{
    return keys->keys.model_key_count + keys->keys.private_key_count ? &keys->keys : NULL;
}

bool trust_given(const struct cli *cli)
{
    return cli_given(cli, OPT_TRUST) || cli_given(cli, OPT_PUBLIC_KEY);
}

static enum cli_exit trust_of_public_keys(struct cli *cli, struct trust *trust)
{
    const char *path;
    enum cli_exit code = CLI_OK;

    for (unsigned i = 0; !code && (path = cli_text_at(cli, OPT_PUBLIC_KEY, i)); i++) {
        struct trust_key key = {.roles = 1u << TRUST_PACKAGE | 1u << TRUST_DELTA | 1u << TRUST_PERMIT};
        struct problem problem = {0};

        code = public_key_open(cli, path, &key.key);
        if (!code)
            code = work_failed(cli, path, trust_add(trust, &key, &problem), &problem);
        public_key_free(key.key);
    }
    return code;
}

enum cli_exit trust_open(struct cli *cli, struct trust *ret_trust)
{
    const char *path = cli_text(cli, OPT_TRUST);
    struct problem problem = {0};

    enum cli_exit code;

    trust_init(ret_trust);
    if (!path)
        return trust_of_public_keys(cli, ret_trust);
    code = work_failed(cli, path, trust_read_file(path, ret_trust, &problem), &problem);
    if (!code && ret_trust->expires_ms && ret_trust->expires_ms <= clock_unix_ms())
        cli_note(cli, "%s has expired: there should be a newer one", path);
    return code;
}

enum cli_exit trust_open_noted(struct cli *cli, struct trust *ret_trust, struct package_policy *policy)
{
    enum cli_exit code = trust_open(cli, ret_trust);

    if (!code && trust_given(cli))
        policy->trust = ret_trust;
    else if (!code)
        cli_note(cli, "signatures are not checked: neither --trust nor --public-key is given");
    return code;
}
