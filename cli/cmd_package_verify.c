/* drover package verify: each check by itself, in the documented order, from a file or a pipe. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/package_source.h"
#include "cli/values.h"
#include "cli/work.h"
#include "common/clock.h"
#include "common/text.h"
#include "firmware/package_reader.h"

#define PART_BYTES 65536

enum step { STEP_FORMAT, STEP_CHECKSUM, STEP_SIGNATURES, STEP_MANIFEST, STEP_TARGET, STEP_VERSION, STEP_TIME, STEP_CONTENTS, STEP_COUNT };

struct verification {
    enum error_code code;             /* the verdict */
    enum step failed;                 /* the step it was reached in, when it is bad */
    struct problem problem;
    bool is_pipe;
};

static bool is_asked(const struct package_policy *policy, enum step step)
{
    switch (step) {
    case STEP_MANIFEST:
        return policy->manifest_sha256 != NULL;
    case STEP_TARGET:
        return policy->model || policy->hw_rev;
    case STEP_VERSION:
        return policy->current_version || policy->release_counter_min;
    default:
        return true;
    }
}

/* The policy up to and with a step: the first one that refuses says which step it was. */
static struct package_policy policy_until(const struct package_policy *all, enum step step)
{
    struct package_policy policy = *all;

    if (step < STEP_MANIFEST)
        policy.manifest_sha256 = NULL;
    if (step < STEP_TARGET)
        policy.model = policy.hw_rev = NULL;
    if (step < STEP_VERSION) {
        policy.current_version = NULL;
        policy.release_counter_min = 0;
    }
    return policy;
}

static void step_failed(struct verification *result, enum error_code code, enum step step, const struct problem *problem)
{
    result->code = code;
    result->failed = step;
    result->problem = *problem;
}

/* Whether the head holds; false: a step failed. */
static bool head_steps(const struct package_head *head, const struct package_policy *policy, struct verification *result)
{
    for (enum step step = STEP_SIGNATURES; step <= STEP_TIME; step++) {
        const struct package_policy until = policy_until(policy, step);
        struct problem problem = {0};
        struct trust newer;
        bool is_new = false;
        enum error_code code = package_head_check(head, &until, &newer, &is_new, &problem);

        if (is_new)
            trust_done(&newer);
        if (code && (step == STEP_TIME || code != E_EXPIRED)) { /* time is judged last */
            step_failed(result, code, step, &problem);
            return false;
        }
    }
    return true;
}

static enum error_code nothing_kept(void *arg, unsigned component, const void *bytes, size_t length, struct problem *ret_problem)
{
    (void)arg, (void)component, (void)bytes, (void)length, (void)ret_problem;
    return E_NONE;
}

/* The rest of a pipe behind its head. */
static enum error_code pipe_feed(struct package_source *source, const struct source_head *head, struct package_reader *reader, struct work *work,
                                 struct problem *ret_problem)
{
    int64_t done = (int64_t)head->length, total = (int64_t)head->head.header.package_bytes;
    char *part = malloc(PART_BYTES);
    enum error_code code = part ? package_reader_feed(reader, head->bytes, head->length, ret_problem)
                                : package_refuse(ret_problem, E_INTERNAL, "package", "out of memory");

    while (!code) {
        ssize_t got = read(source->fd, part, PART_BYTES);

        if (got < 0 && errno == EINTR && !work_interrupted())
            continue;
        if (got < 0)
            code = package_refuse(ret_problem, work_interrupted() ? E_CANCELLED : E_INSTALL, "input", "%s", strerror(errno));
        else if (got == 0)
            break;
        else
            code = package_reader_feed(reader, part, (size_t)got, ret_problem);
        done += got > 0 ? got : 0;
        if (!code && !work->progress.show(work->progress.arg, done, total))
            code = package_refuse(ret_problem, E_CANCELLED, "input", "interrupted");
    }
    if (!code)
        code = package_reader_end(reader, ret_problem);
    free(part);
    return code;
}

static enum error_code pipe_verify(struct package_source *source, const struct source_head *head, const struct package_policy *policy,
                                   const struct recipient_keys *keys, struct work *work, struct problem *ret_problem)
{
    const struct package_sink sink = {.data = nothing_kept};
    struct package_reader *reader = package_reader_new(policy, keys, &sink);
    enum error_code code;

    if (!reader)
        return package_refuse(ret_problem, E_INTERNAL, "package", "out of memory");
    code = pipe_feed(source, head, reader, work, ret_problem);
    package_reader_free(reader);
    return code;
}

static enum error_code file_verify(struct package_source *source, const struct package_policy *policy, const struct recipient_keys *keys,
                                   struct work *work, struct problem *ret_problem)
{
    const struct package_sink sink = {.data = nothing_kept};

    if (lseek(source->fd, 0, SEEK_SET) != 0)
        return package_refuse(ret_problem, E_INSTALL, "input", "%s", strerror(errno));
    return package_verify(source->fd, policy, keys, &sink, &work->progress, ret_problem);
}

/* A file's verdict over everything comes first, because its CRC of everything does; then the steps say where a refusal stands. */
static void verify(struct package_source *source, struct source_head *head, const struct package_policy *policy, const struct recipient_keys *keys,
                   struct work *work, struct verification *result)
{
    struct problem problem = {0};
    enum error_code code = source_head_read(source, head, &problem);

    result->is_pipe = !source->seekable;
    if (code) {
        step_failed(result, code, code == E_CRC ? STEP_CHECKSUM : STEP_FORMAT, &problem);
        return;
    }
    if (source->seekable)
        code = file_verify(source, policy, keys, work, &problem);
    if (code == E_CRC) {
        step_failed(result, code, STEP_CHECKSUM, &problem);
        return;
    }
    if (!head_steps(&head->head, policy, result))
        return;
    if (!source->seekable)
        code = pipe_verify(source, head, policy, keys, work, &problem);
    if (code)
        step_failed(result, code, code == E_CRC ? STEP_CHECKSUM : STEP_CONTENTS, &problem);
}

static void check_name(const struct cJSON *check, struct buffer *out)
{
    buffer_add_text(out, value_text(check, "check"));
}

static void verdict_name(const struct cJSON *verdict, struct buffer *out)
{
    buffer_add_format(out, "%s %s", value_text(verdict, "model"), value_text(verdict, "version"));
}

static const struct field check_list[] = {{"CHECK", "check", FIELD_TEXT}, {"RESULT", "result", FIELD_TEXT}, {"WHY", "why", FIELD_TEXT}};
static const struct view check_view = {check_name, check_list, sizeof check_list / sizeof check_list[0]};
static const struct view verdict_view = {verdict_name, NULL, 0};

/* On a pipe the CRC of everything is known last: it is told last there. */
static void checks_add(struct cJSON *checks, const struct verification *result, const struct package_policy *policy)
{
    static const char *const names[STEP_COUNT] = {
        [STEP_FORMAT] = "format and limits",       [STEP_CHECKSUM] = "checksum of everything", [STEP_SIGNATURES] = "signatures",
        [STEP_MANIFEST] = "announced manifest",    [STEP_TARGET] = "model and hardware",       [STEP_VERSION] = "version and release counter",
        [STEP_TIME] = "expiry and delta base",     [STEP_CONTENTS] = "chunks and images",
    };
    static const enum step of_file[] = {STEP_FORMAT, STEP_CHECKSUM, STEP_SIGNATURES, STEP_MANIFEST, STEP_TARGET, STEP_VERSION, STEP_TIME, STEP_CONTENTS};
    static const enum step of_pipe[] = {STEP_FORMAT, STEP_SIGNATURES, STEP_MANIFEST, STEP_TARGET, STEP_VERSION, STEP_TIME, STEP_CONTENTS, STEP_CHECKSUM};
    bool is_over = false;

    for (unsigned i = 0; i < STEP_COUNT; i++) {
        enum step step = result->is_pipe ? of_pipe[i] : of_file[i];
        bool is_failed = result->code && result->failed == step;
        struct cJSON *check = cJSON_CreateObject();

        cJSON_AddItemToArray(checks, check);
        cJSON_AddStringToObject(check, "check", names[step]);
        cJSON_AddStringToObject(check, "result", is_failed ? "refused" : is_over ? "not reached" : is_asked(policy, step) ? "ok" : "not asked");
        if (is_failed) {
            char why[200];

            (void)snprintf(why, sizeof why, "%s: %s: %s", error_code_name(result->code), result->problem.where, result->problem.what);
            cJSON_AddStringToObject(check, "why", why);
        }
        is_over |= is_failed;
    }
}

static void verdict_print(struct cli *cli, const struct package_source *source, const struct source_head *head, const struct verification *result,
                          const struct package_policy *policy)
{
    struct cJSON *verdict = cJSON_CreateObject(), *checks, *check;
    char digest[SHA256_HEX_SIZE];

    cJSON_AddStringToObject(verdict, "package", source->name);
    cJSON_AddStringToObject(verdict, "verdict", result->code ? error_code_name(result->code) : "ok");
    if (head->has_head) {
        text_hex(digest, head->head.manifest_sha256, SHA256_BYTES);
        cJSON_AddStringToObject(verdict, "model", head->head.manifest.model);
        cJSON_AddStringToObject(verdict, "version", head->head.manifest.version);
        cJSON_AddStringToObject(verdict, "manifest_sha256", digest);
    }
    checks = cJSON_AddArrayToObject(verdict, "checks");
    checks_add(checks, result, policy);
    if (cli->output.format == OUTPUT_TABLE) {
        output_begin(&cli->output, &check_view);
        cJSON_ArrayForEach(check, checks)
            output_item(&cli->output, check, 0);
        output_end(&cli->output);
    } else if (cli->output.format != OUTPUT_NAME || !result->code) {
        output_object(&cli->output, &verdict_view, verdict, 0);
    }
    cJSON_Delete(verdict);
}

static enum cli_exit verify_and_print(struct cli *cli, struct package_source *source, const struct package_policy *policy, const struct recipient_keys *keys)
{
    struct verification result = {0};
    struct source_head head = {0};
    struct work work;

    work_begin(&work, cli, "verifying");
    verify(source, &head, policy, keys, &work, &result);
    progress_clear(&cli->progress);
    if (!work_interrupted())
        verdict_print(cli, source, &head, &result, policy);
    source_head_done(&head);
    return work_refused(cli, NULL, result.code, &result.problem);
}

enum cli_exit cmd_package_verify(struct cli *cli)
{
    struct package_source source;
    struct package_policy policy;
    struct decrypt_keys keys;
    struct trust trust;
    struct buffer permit;
    uint8_t manifest_sha256[SHA256_BYTES];
    enum cli_exit code;

    if (!trust_given(cli))
        return cli_fail(cli, CLI_USAGE, "whose signatures count? --trust or --public-key is missing");
    code = package_source_open(cli, cli_argument(cli, 0), &source);
    if (code)
        return code;
    code = policy_of_options(cli, &policy, manifest_sha256, &permit);
    if (!code) {
        code = trust_open(cli, &trust);
        policy.trust = &trust;
        if (!code) {
            code = decrypt_keys_open(cli, &keys);
            if (!code)
                code = verify_and_print(cli, &source, &policy, decrypt_keys_use(&keys));
            decrypt_keys_close(&keys);
        }
        trust_done(&trust);
    }
    buffer_done(&permit);
    package_source_close(&source);
    return code;
}
