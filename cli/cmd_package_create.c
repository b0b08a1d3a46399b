/* drover package create | sign | bundle */
#include "cli/cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/component_option.h"
#include "cli/key_options.h"
#include "cli/out_file.h"
#include "cli/package_print.h"
#include "cli/work.h"
#include "common/clock.h"
#include "firmware/bundle.h"
#include "firmware/jws.h"
#include "firmware/package_create.h"
#include "firmware/package_sign.h"

struct signing {
    struct signers signers;
    enum signature_algorithm algorithms[KEYS_MAX];
    struct buffer trust;              /* of --trust-update */
    struct package_signing signing;
};

static enum cli_exit signing_open(struct cli *cli, struct signing *ret)
{
    const char *trust_update = cli_text(cli, OPT_TRUST_UPDATE);
    enum cli_exit code;

    buffer_init(&ret->trust, 0);
    code = signers_open(cli, OPT_KEY, &ret->signers);
    for (unsigned i = 0; i < KEYS_MAX; i++)
        ret->algorithms[i] = signing_algorithm(cli);
    if (!code && trust_update)
        code = small_file_read(cli, trust_update, JWS_BYTES_MAX, &ret->trust);
    ret->signing = (struct package_signing){
        .keys = (const struct private_key *const *)ret->signers.keys, .algorithms = ret->algorithms, .count = ret->signers.count,
        .trust = trust_update ? ret->trust.bytes : NULL, .trust_length = ret->trust.length, .delta_only = cli_given(cli, OPT_DELTA_ONLY),
    };
    return code;
}

static void signing_close(struct signing *signing)
{
    signers_close(&signing->signers);
    buffer_done(&signing->trust);
}

static enum cli_exit sign_to(struct cli *cli, const char *from, const struct signing *signing, const char *to)
{
    struct problem problem = {0};
    struct package_file file;
    enum cli_exit code = work_refused(cli, from, package_file_open(from, &file, &problem), &problem);

    if (code)
        return code;
    code = work_refused(cli, NULL, package_sign(&file, &signing->signing, to, &problem), &problem);
    package_file_close(&file);
    return code;
}

enum cli_exit cmd_package_sign(struct cli *cli)
{
    const char *from = cli_argument(cli, 0), *to = cli_argument(cli, 1);
    struct signing signing;
    struct work work;
    enum cli_exit code = to ? out_check(cli, to) : CLI_OK;

    if (code)
        return code;
    if (!cli_given(cli, OPT_KEY) && !cli_given(cli, OPT_TRUST_UPDATE))
        return cli_fail(cli, CLI_USAGE, "--key is missing");
    work_begin(&work, cli, "signing");
    code = signing_open(cli, &signing);
    if (!code)
        code = sign_to(cli, from, &signing, to ? to : from);
    signing_close(&signing);
    return code ? code : package_report(cli, to ? to : from);
}

/* SOURCE_DATE_EPOCH: the same sources give the same package (reproducible-builds.org). */
static enum cli_exit build_time(struct cli *cli, int64_t *ret_ms)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");

    *ret_ms = cli_number(cli, OPT_BUILD_TIME, clock_unix_ms() / 1000 * 1000);
    if (cli_given(cli, OPT_BUILD_TIME) || !epoch || !epoch[0])
        return CLI_OK;
    if (strspn(epoch, "0123456789") != strlen(epoch) || !time_read(epoch, ret_ms))
        return cli_fail(cli, CLI_USAGE, "SOURCE_DATE_EPOCH: `%s` is no number of seconds", epoch);
    return CLI_OK;
}

static enum cli_exit components_read(struct cli *cli, struct package_plan *plan, char **images)
{
    const char *text;
    enum cli_exit code = CLI_OK;

    for (unsigned i = 0; !code && (text = cli_text_at(cli, OPT_COMPONENT, i)); i++) {
        code = component_option_read(cli, text, &plan->manifest.components[i], &images[i]);
        plan->images[i] = images[i];
        plan->manifest.component_count = i + 1;
        for (unsigned other = 0; !code && other < i; other++)
            if (strcmp(plan->manifest.components[other].name, plan->manifest.components[i].name) == 0)
                code = cli_fail(cli, CLI_USAGE, "--component: `%s` is named twice", plan->manifest.components[i].name);
    }
    return code;
}

static enum cli_exit manifest_of_options(struct cli *cli, struct manifest *manifest)
{
    const char *min_version = cli_text(cli, OPT_MIN_VERSION), *hw_rev;
    int64_t chunk_bytes = cli_number(cli, OPT_CHUNK_SIZE, 0);
    enum cli_exit code = build_time(cli, &manifest->build_time_ms);

    if (chunk_bytes & (chunk_bytes - 1))
        return cli_fail(cli, CLI_USAGE, "--chunk-size: %lld is no power of two", (long long)chunk_bytes);
    manifest->chunk_bytes = chunk_bytes;
    (void)text_copy(manifest->model, sizeof manifest->model, cli_text(cli, OPT_MODEL));
    if (semver_read(cli_text(cli, OPT_VERSION), strlen(cli_text(cli, OPT_VERSION)), manifest->version, NULL) ||
        (min_version && semver_read(min_version, strlen(min_version), manifest->min_version, NULL)))
        return cli_fail(cli, CLI_USAGE, "a version is too long"); /* the option's kind has checked the rest */
    for (unsigned i = 0; (hw_rev = cli_text_at(cli, OPT_HW_REV, i)); i++) {
        (void)text_copy(manifest->hw_revs[i], ID_SIZE, hw_rev);
        manifest->hw_rev_count = i + 1;
    }
    manifest->release_counter = cli_number(cli, OPT_RELEASE_COUNTER, manifest->build_time_ms / 1000);
    manifest->expires_ms = cli_given(cli, OPT_EXPIRES_IN) ? clock_unix_ms() + cli_number(cli, OPT_EXPIRES_IN, 0) : cli_number(cli, OPT_EXPIRES_AT, 0);
    return code;
}

/* A package that is to be signed is made under a temporary name: what appears under its own name is signed. */
static enum cli_exit create_and_sign(struct cli *cli, struct package_plan *plan, const struct signing *signing, const char *out)
{
    struct work work;
    struct problem problem = {0};
    char *unsigned_path = signing->signing.count ? out_temporary(cli, out) : NULL;
    enum error_code error;
    enum cli_exit code;

    if (signing->signing.count && !unsigned_path)
        return CLI_FAILED;
    work_begin(&work, cli, "packing");
    plan->path = unsigned_path ? unsigned_path : out;
    error = package_create(plan, &work.progress, &problem);
    code = work_refused(cli, NULL, error, &problem);
    if (!error)
        manifest_done(&plan->manifest);
    if (!code && unsigned_path)
        code = sign_to(cli, unsigned_path, signing, out);
    if (unsigned_path)
        unlink(unsigned_path);
    free(unsigned_path);
    return code;
}

static enum cli_exit create(struct cli *cli, const char *out)
{
    char *images[PACKAGE_COMPONENTS_MAX] = {0};
    struct package_plan plan = {.zstd_level = (int)cli_number(cli, OPT_ZSTD_LEVEL, 0)};
    struct signing signing = {0};
    struct work work;
    enum cli_exit code = manifest_of_options(cli, &plan.manifest);

    if (!code)
        code = components_read(cli, &plan, images);
    if (!code) {
        work_begin(&work, cli, "packing"); /* before a passphrase is asked for */
        code = signing_open(cli, &signing);
        if (!code)
            code = create_and_sign(cli, &plan, &signing, out);
        signing_close(&signing);
    }
    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        free(images[i]);
    return code;
}

enum cli_exit cmd_package_create(struct cli *cli)
{
    static const enum option_id needed[] = {OPT_MODEL, OPT_VERSION, OPT_COMPONENT};
    const char *out = cli_argument(cli, 0);
    enum cli_exit code;

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!cli_given(cli, needed[i]))
            return cli_fail(cli, CLI_USAGE, "--%s is missing", option_row(needed[i])->name);
    code = out_check(cli, out);
    if (!code)
        code = create(cli, out);
    if (!code && !cli_given(cli, OPT_KEY))
        cli_note(cli, "%s is not signed yet: no device and no server takes it before `drover package sign`", out);
    return code ? code : package_report(cli, out);
}

/* "esp32-1.1.0.dfw": what the package's name inside the ZIP is, made of the manifest's ids. */
static enum cli_exit bundle_to(struct cli *cli, const char *from, const char *to)
{
    struct problem problem = {0};
    struct package_file file;
    char name[ID_SIZE + VERSION_SIZE + 8];
    enum cli_exit code = work_refused(cli, from, package_file_open(from, &file, &problem), &problem);

    if (code)
        return code;
    (void)snprintf(name, sizeof name, "%s-%s.dfw", file.head.manifest.model, file.head.manifest.version);
    package_file_close(&file);
    return work_refused(cli, NULL, bundle_write(from, name, to, &problem), &problem);
}

enum cli_exit cmd_package_bundle(struct cli *cli)
{
    const char *from = cli_argument(cli, 0), *to = cli_argument(cli, 1);
    struct work work;
    enum cli_exit code = out_check(cli, to);

    if (code)
        return code;
    work_begin(&work, cli, "bundling");
    code = bundle_to(cli, from, to);
    return code ? code : package_report(cli, to);
}
