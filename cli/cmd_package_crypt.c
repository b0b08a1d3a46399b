/* drover package encrypt | decrypt */
#include "cli/cmd.h"

#include <string.h>

#include "cli/key_options.h"
#include "cli/out_file.h"
#include "cli/package_print.h"
#include "cli/work.h"
#include "firmware/package_encrypt.h"

#define PUBLIC_KEYS_MAX 64   /* of --recipient, see options.def */

struct readers {
    unsigned public_key_count, model_key_count;
    struct public_key *public_keys[PUBLIC_KEYS_MAX];
    uint8_t model_keys[KEYS_MAX][CONTENT_KEY_BYTES];
};

static enum cli_exit readers_open(struct cli *cli, struct readers *ret)
{
    const char *path;
    enum cli_exit code = CLI_OK;

    for (unsigned i = 0; !code && i < PUBLIC_KEYS_MAX && (path = cli_text_at(cli, OPT_RECIPIENT, i)); i++) {
        code = public_key_open(cli, path, &ret->public_keys[i]);
        ret->public_key_count += code ? 0 : 1;
        if (!code && public_key_type(ret->public_keys[i]) == KEY_ED25519)
            code = cli_fail(cli, CLI_FAILED, "%s: a key of type ed25519 only signs; nothing can be encrypted for it", path);
    }
    for (unsigned i = 0; !code && i < KEYS_MAX && (path = cli_text_at(cli, OPT_MODEL_KEY, i)); i++) {
        struct problem problem = {0};

        code = work_failed(cli, path, model_key_read_file(path, ret->model_keys[i], &problem), &problem);
        ret->model_key_count += code ? 0 : 1;
    }
    return code;
}

static void readers_close(struct readers *readers)
{
    for (unsigned i = 0; i < readers->public_key_count; i++)
        public_key_free(readers->public_keys[i]);
    explicit_bzero(readers, sizeof *readers);
}

/* to NULL: take the encryption off. */
static enum cli_exit convert(struct cli *cli, const struct package_encryption *to, struct work *work)
{
    const char *from = cli_argument(cli, 0), *out = cli_argument(cli, 1);
    struct problem problem = {0};
    struct package_file file;
    struct decrypt_keys keys;
    enum cli_exit code = work_refused(cli, from, package_file_open(from, &file, &problem), &problem);

    if (code)
        return code;
    code = decrypt_keys_open(cli, &keys);
    if (!code && to)
        code = work_refused(cli, from, package_encrypt(&file, to, decrypt_keys_use(&keys), out, &work->progress, &problem), &problem);
    else if (!code)
        code = work_refused(cli, from, package_decrypt(&file, decrypt_keys_use(&keys), out, &work->progress, &problem), &problem);
    decrypt_keys_close(&keys);
    package_file_close(&file);
    return code ? code : package_report(cli, out);
}

enum cli_exit cmd_package_encrypt(struct cli *cli)
{
    struct readers readers = {0};
    struct work work;
    enum cli_exit code;

    if (!cli_given(cli, OPT_RECIPIENT) && !cli_given(cli, OPT_MODEL_KEY))
        return cli_fail(cli, CLI_USAGE, "who may read it? --recipient or --model-key is missing");
    code = out_check(cli, cli_argument(cli, 1));
    if (code)
        return code;
    work_begin(&work, cli, "encrypting");
    code = readers_open(cli, &readers);
    if (!code) {
        const struct package_encryption to = {
            .model_keys = (const uint8_t(*)[CONTENT_KEY_BYTES])readers.model_keys, .model_key_count = readers.model_key_count,
            .public_keys = (const struct public_key *const *)readers.public_keys, .public_key_count = readers.public_key_count,
        };

        code = convert(cli, &to, &work);
    }
    readers_close(&readers);
    return code;
}

enum cli_exit cmd_package_decrypt(struct cli *cli)
{
    struct work work;
    enum cli_exit code;

    if (!cli_given(cli, OPT_DECRYPT_KEY))
        return cli_fail(cli, CLI_USAGE, "--decrypt-key is missing");
    code = out_check(cli, cli_argument(cli, 1));
    if (code)
        return code;
    work_begin(&work, cli, "decrypting");
    return convert(cli, NULL, &work);
}
