/* drover key trust | revoke: changes of a trust document. Its version rises with each; with root keys it is signed by them. */
#include "cli/cmd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/key_options.h"
#include "cli/out_file.h"
#include "cli/trust_print.h"
#include "cli/work.h"
#include "common/clock.h"
#include "common/text.h"

#define KEY_ID_DIGITS_MIN 8     /* of the beginning of a key id */

static bool has_roots(const struct trust *trust)
{
    for (unsigned i = 0; i < trust->key_count; i++)
        if (trust->keys[i].roles >> TRUST_ROOT & 1)
            return true;
    return false;
}

/* The document that is there; an absent one is a new, empty one. */
static enum cli_exit document_open(struct cli *cli, struct trust *ret_trust, bool *ret_is_new)
{
    const char *path = cli_text(cli, OPT_TRUST);

    *ret_is_new = access(path, F_OK) != 0 && errno == ENOENT;
    if (!*ret_is_new)
        return trust_open(cli, ret_trust);
    trust_init(ret_trust);
    return CLI_OK;
}

/* What a device would say to the new document: signed by the threshold of the old roots, and of its own. */
static enum cli_exit signed_document_check(struct cli *cli, const struct trust *old, const struct buffer *jws)
{
    struct problem problem = {0};
    struct trust read;
    enum cli_exit code;

    if (has_roots(old))
        code = work_refused(cli, cli_text(cli, OPT_TRUST), trust_update(old, jws->bytes, jws->length, clock_unix_ms(), &read, &problem), &problem);
    else
        code = work_failed(cli, cli_text(cli, OPT_TRUST), trust_read(jws->bytes, jws->length, &read, &problem), &problem);
    if (!code)
        trust_done(&read);
    return code;
}

static enum cli_exit document_sign(struct cli *cli, const struct trust *old, const struct trust *trust, struct buffer *out)
{
    struct problem problem = {0};
    struct signers signers;
    enum cli_exit code;

    if (!cli_given(cli, OPT_SIGN_WITH))
        return cli_fail(cli, CLI_REFUSED, "E_SIGNATURE: %s: a document with root keys must be signed by them: --sign-with is missing", cli_text(cli, OPT_TRUST));
    code = signers_open(cli, OPT_SIGN_WITH, &signers);
    if (!code)
        code = work_failed(cli, NULL, trust_sign(trust, (const struct private_key *const *)signers.keys, signers.count, out, &problem), &problem);
    signers_close(&signers);
    return code ? code : signed_document_check(cli, old, out);
}

static enum cli_exit document_write(struct cli *cli, const struct trust *old, struct trust *trust)
{
    struct buffer bytes;
    enum cli_exit code = CLI_OK;

    buffer_init(&bytes, 0);
    trust->version = old->version + 1;
    if (has_roots(old) || has_roots(trust))
        code = document_sign(cli, old, trust, &bytes);
    else if (cli_given(cli, OPT_SIGN_WITH))
        code = cli_fail(cli, CLI_USAGE, "--sign-with: the document has no root keys");
    else
        trust_write(trust, &bytes);
    if (!code && bytes.failed)
        code = cli_fail(cli, CLI_FAILED, "out of memory");
    if (!code) /* changing it is what was asked for: no --force */
        code = out_replace(cli, cli_text(cli, OPT_TRUST), OUT_MODE, bytes.bytes, bytes.length);
    buffer_done(&bytes);
    if (!code)
        trust_print(cli, trust);
    return code;
}

/* Two copies of the document: the one that is there, and the one that is changed. */
static enum cli_exit document_change(struct cli *cli, enum cli_exit (*change)(struct cli *cli, struct trust *trust), bool may_be_new)
{
    struct trust old, trust;
    bool is_new;
    enum cli_exit code;

    if (!cli_given(cli, OPT_TRUST))
        return cli_fail(cli, CLI_USAGE, "--trust is missing");
    code = document_open(cli, &old, &is_new);
    if (!code && is_new && !may_be_new)
        code = cli_fail(cli, CLI_FAILED, "%s: %s", cli_text(cli, OPT_TRUST), strerror(ENOENT));
    if (!code) {
        code = document_open(cli, &trust, &is_new);
        if (!code)
            code = change(cli, &trust);
        if (!code)
            code = document_write(cli, &old, &trust);
        trust_done(&trust);
    }
    trust_done(&old);
    return code;
}

static enum cli_exit thresholds_set(struct cli *cli, struct trust *trust)
{
    const char *text;

    for (unsigned i = 0; (text = cli_text_at(cli, OPT_THRESHOLD, i)); i++) {
        const char *equals = strchr(text, '=');
        char name[16];
        enum trust_role role;
        int64_t count;

        if (!equals || !text_copy_n(name, sizeof name, text, (size_t)(equals - text)) || !trust_role_from_name(name, &role) ||
            !text_to_i64(equals + 1, strlen(equals + 1), role == TRUST_DELTA ? 0 : 1, TRUST_KEYS_MAX, &count))
            return cli_fail(cli, CLI_USAGE, "--threshold: `%s` is not ROLE=N like package=2", text);
        trust->thresholds[role] = (unsigned)count;
    }
    return CLI_OK;
}

static enum cli_exit key_of_options(struct cli *cli, struct trust_key *key)
{
    const char *role_name, *name = cli_text(cli, OPT_NAME);
    enum trust_role role;

    if (!cli_given(cli, OPT_ROLE))
        return cli_fail(cli, CLI_USAGE, "what may the key sign? --role is missing");
    if (name && !text_copy(key->name, sizeof key->name, name))
        return cli_fail(cli, CLI_USAGE, "--name: is over %zu bytes", sizeof key->name - 1);
    for (unsigned i = 0; (role_name = cli_text_at(cli, OPT_ROLE, i)); i++)
        if (trust_role_from_name(role_name, &role))
            key->roles |= 1u << role;
    key->not_before_ms = cli_number(cli, OPT_NOT_BEFORE, 0);
    key->not_after_ms = cli_number(cli, OPT_NOT_AFTER, 0);
    if (key->not_after_ms && key->not_after_ms <= key->not_before_ms)
        return cli_fail(cli, CLI_USAGE, "--not-after is not after --not-before");
    return CLI_OK;
}

/* A key that is there already is refused; with --force its entry takes what is given now, and a revocation ends. */
static enum cli_exit key_put(struct cli *cli, struct trust *trust, struct trust_key *key)
{
    struct trust_key *known = trust_find(trust, public_key_id(key->key));
    struct problem problem = {0};
    struct public_key *kept;

    if (!known)
        return work_failed(cli, cli_argument(cli, 0), trust_add(trust, key, &problem), &problem);
    if (!cli_given(cli, OPT_FORCE))
        return cli_fail(cli, CLI_FAILED, "%s: the document has this key already; --force changes its entry", cli_argument(cli, 0));
    kept = known->key;
    *known = *key;
    known->key = kept;
    return CLI_OK;
}

static enum cli_exit trust_change(struct cli *cli, struct trust *trust)
{
    const char *path = cli_argument(cli, 0);
    struct trust_key key = {0};
    enum cli_exit code = thresholds_set(cli, trust);

    if (cli_given(cli, OPT_EXPIRES_IN) || cli_given(cli, OPT_EXPIRES_AT))
        trust->expires_ms = cli_given(cli, OPT_EXPIRES_IN) ? clock_unix_ms() + cli_number(cli, OPT_EXPIRES_IN, 0) : cli_number(cli, OPT_EXPIRES_AT, 0);
    if (code || !path)
        return code;
    code = key_of_options(cli, &key);
    if (!code)
        code = public_key_open(cli, path, &key.key);
    if (!code)
        code = key_put(cli, trust, &key);
    public_key_free(key.key);
    return code;
}

enum cli_exit cmd_key_trust(struct cli *cli)
{
    if (!cli_argument(cli, 0) && !cli_given(cli, OPT_THRESHOLD) && !cli_given(cli, OPT_EXPIRES_IN) && !cli_given(cli, OPT_EXPIRES_AT))
        return cli_fail(cli, CLI_USAGE, "nothing to change: PUBKEY, --threshold or --expires-in is missing");
    return document_change(cli, trust_change, true);
}

/* The key whose id begins so; two of them are as bad as none. */
static struct trust_key *key_by_prefix(struct trust *trust, const char *prefix)
{
    struct trust_key *found = NULL;

    for (unsigned i = 0; i < trust->key_count; i++) {
        char id[KEY_ID_HEX_SIZE];

        text_hex(id, public_key_id(trust->keys[i].key), KEY_ID_BYTES);
        if (strncmp(id, prefix, strlen(prefix)) != 0)
            continue;
        if (found)
            return NULL;
        found = &trust->keys[i];
    }
    return found;
}

static enum cli_exit revoke_change(struct cli *cli, struct trust *trust)
{
    const char *prefix = cli_argument(cli, 0), *why = cli_text(cli, OPT_WHY);
    struct trust_key *key;

    if (strlen(prefix) < KEY_ID_DIGITS_MIN)
        return cli_fail(cli, CLI_USAGE, "KEYID: `%s`: at least the first %d digits", prefix, KEY_ID_DIGITS_MIN);
    key = key_by_prefix(trust, prefix);
    if (!key)
        return cli_fail(cli, CLI_FAILED, "the document has no key %s, or more than one", prefix);
    if (key->revoked_ms)
        return cli_fail(cli, CLI_CONFLICT, "key %s is revoked already: %s", prefix, key->revoked_why);
    if (!text_copy(key->revoked_why, sizeof key->revoked_why, why))
        return cli_fail(cli, CLI_USAGE, "--why: is over %zu bytes", sizeof key->revoked_why - 1);
    key->revoked_ms = clock_unix_ms();
    return CLI_OK;
}

enum cli_exit cmd_key_revoke(struct cli *cli)
{
    if (!cli_given(cli, OPT_WHY))
        return cli_fail(cli, CLI_USAGE, "--why is missing");
    return document_change(cli, revoke_change, false);
}
