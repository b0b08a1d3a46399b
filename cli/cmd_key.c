/* drover key generate | list */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "cli/key_options.h"
#include "cli/out_file.h"
#include "cli/secret.h"
#include "cli/trust_print.h"
#include "cli/values.h"
#include "cli/work.h"
#include "common/text.h"

static void key_file_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "key_id"));
}

static const struct field key_facts[] = {
    {"key", "key", FIELD_TEXT}, {"type", "type", FIELD_TEXT}, {"key id", "key_id", FIELD_TEXT}, {"encrypted", "encrypted", FIELD_YES}, {"public half", "public", FIELD_TEXT},
};
static const struct view key_view = {key_file_name, key_facts, sizeof key_facts / sizeof key_facts[0]};

static void key_print(struct cli *cli, const char *type, const uint8_t id[KEY_ID_BYTES], bool encrypted)
{
    struct cJSON *object = cJSON_CreateObject();
    const char *public = cli_text(cli, OPT_PUBLIC);
    char hex[KEY_ID_HEX_SIZE];

    text_hex(hex, id, KEY_ID_BYTES);
    cJSON_AddStringToObject(object, "key", cli_argument(cli, 0));
    cJSON_AddStringToObject(object, "type", type);
    cJSON_AddStringToObject(object, "key_id", hex);
    cJSON_AddBoolToObject(object, "encrypted", encrypted);
    if (public)
        cJSON_AddStringToObject(object, "public", public);
    output_object(&cli->output, &key_view, object, 0);
    cJSON_Delete(object);
}

/* 32 bytes of the kernel as 64 hex digits and a line feed. */
static enum cli_exit model_key_generate(struct cli *cli)
{
    uint8_t key[CONTENT_KEY_BYTES], id[KEY_ID_BYTES];
    char line[2 * CONTENT_KEY_BYTES + 2];
    enum cli_exit code = CLI_OK;

    if (cli_given(cli, OPT_PUBLIC) || cli_given(cli, OPT_PASSPHRASE) || cli_given(cli, OPT_PASSPHRASE_FILE))
        return cli_fail(cli, CLI_USAGE, "a model key has no public half and no passphrase");
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return cli_fail(cli, CLI_FAILED, "no random bytes: %s", strerror(errno));
    text_hex(line, key, sizeof key);
    strcat(line, "\n");
    model_key_id(key, id);
    code = out_write(cli, cli_argument(cli, 0), OUT_MODE_SECRET, line, strlen(line));
    explicit_bzero(line, sizeof line);
    explicit_bzero(key, sizeof key);
    if (!code)
        key_print(cli, "model", id, false);
    return code;
}

static enum cli_exit public_write(struct cli *cli, const struct private_key *key)
{
    const char *path = cli_text(cli, OPT_PUBLIC);
    struct public_key *public = path ? private_key_public(key) : NULL;
    struct buffer pem;
    enum cli_exit code = CLI_OK;

    if (!path)
        return CLI_OK;
    buffer_init(&pem, 0);
    if (!public || public_key_write_pem(public, &pem))
        code = cli_fail(cli, CLI_FAILED, "out of memory");
    else
        code = out_write(cli, path, OUT_MODE, pem.bytes, pem.length);
    buffer_done(&pem);
    public_key_free(public);
    return code;
}

static enum cli_exit private_write(struct cli *cli, const struct private_key *key, const char *passphrase)
{
    struct problem problem = {0};
    struct buffer pem;
    enum cli_exit code;

    buffer_init(&pem, 0);
    code = work_failed(cli, NULL, private_key_write_pem(key, passphrase, &pem, &problem), &problem);
    if (!code)
        code = out_write(cli, cli_argument(cli, 0), OUT_MODE_SECRET, pem.bytes, pem.length);
    if (pem.bytes)
        explicit_bzero(pem.bytes, pem.size);
    buffer_done(&pem);
    return code;
}

static enum cli_exit pair_generate(struct cli *cli, enum key_type type, const char *passphrase)
{
    struct private_key *key;
    struct problem problem = {0};
    enum cli_exit code = work_failed(cli, NULL, private_key_generate(type, &key, &problem), &problem);

    if (code)
        return code;
    code = private_write(cli, key, passphrase);
    if (!code)
        code = public_write(cli, key);
    if (!code)
        key_print(cli, key_type_name(type), private_key_id(key), passphrase != NULL);
    private_key_free(key);
    return code;
}

enum cli_exit cmd_key_generate(struct cli *cli)
{
    const char *name = cli_text(cli, OPT_TYPE), *public = cli_text(cli, OPT_PUBLIC);
    char secret[SECRET_SIZE] = "";
    enum key_type type = KEY_ED25519;
    bool is_encrypted = false;
    enum cli_exit code = out_check(cli, cli_argument(cli, 0));

    if (!code && public)
        code = out_check(cli, public);
    if (code)
        return code;
    if (name && !key_type_from_name(name, &type)) /* the option's choices are these names, and "model" */
        return model_key_generate(cli);
    code = secret_for_new_key(cli, secret, &is_encrypted);
    if (!code)
        code = pair_generate(cli, type, is_encrypted ? secret : NULL);
    explicit_bzero(secret, sizeof secret);
    if (!code && !is_encrypted)
        cli_note(cli, "%s is not encrypted: whoever can read it can sign; --passphrase encrypts it", cli_argument(cli, 0));
    return code;
}

enum cli_exit cmd_key_list(struct cli *cli)
{
    struct trust trust;
    enum cli_exit code;

    if (!cli_given(cli, OPT_TRUST))
        return cli_fail(cli, CLI_USAGE, "--trust is missing");
    code = trust_open(cli, &trust);
    if (!code)
        trust_print(cli, &trust);
    trust_done(&trust);
    return code;
}
