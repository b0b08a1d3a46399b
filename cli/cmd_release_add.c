/* drover release add: the package says what it is; it goes up, and the server says whether it proves itself. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/release_print.h"
#include "cli/upload.h"
#include "cli/values.h"
#include "cli/work.h"
#include "common/clock.h"
#include "common/json.h"
#include "firmware/package_file.h"

#define DELTAS_MAX 8                       /* of --delta, see options.def */
#define VERIFYING_MS (30 * 60 * 1000)      /* how long the server may take, without --timeout */
#define ASK_AGAIN_MS 2000                  /* when it does not say */
#define ASK_AGAIN_MAX_MS 60000

struct addition {
    struct cli *cli;
    struct package_file full;
    char model[ID_SIZE], version[VERSION_SIZE];
    char sha256[SHA256_HEX_SIZE];
    char deltas[DELTAS_MAX][SHA256_HEX_SIZE];
    unsigned delta_count;
};

static enum cli_exit package_open(struct cli *cli, const char *path, bool is_delta, struct package_file *ret_file)
{
    struct problem problem = {0};
    enum cli_exit code = work_refused(cli, path, package_file_open(path, ret_file, &problem), &problem);

    if (code)
        return code;
    if (ret_file->head.has_delta == is_delta)
        return CLI_OK;
    package_file_close(ret_file);
    return cli_fail(cli, CLI_REFUSED, is_delta ? "E_INCOMPATIBLE: %s: is no delta package" : "E_INCOMPATIBLE: %s: is a delta package; give it with --delta", path);
}

/* One after the other: a ZIP among them is open only while it is sent. Nothing is sent before all of them fit together. */
static enum cli_exit delta_check(struct addition *addition, const char *path, bool send)
{
    struct package_file file;
    enum cli_exit code = package_open(addition->cli, path, true, &file);

    if (code)
        return code;
    if (memcmp(file.head.manifest_sha256, addition->full.head.manifest_sha256, SHA256_BYTES) != 0)
        code = cli_fail(addition->cli, CLI_REFUSED, "E_INCOMPATIBLE: %s: is a delta to another package (%s %s)", path, file.head.manifest.model, file.head.manifest.version);
    else if (send)
        code = upload_package(addition->cli, file.fd, path, file.size_bytes, addition->deltas[addition->delta_count++]);
    package_file_close(&file);
    return code;
}

static enum cli_exit deltas_go(struct addition *addition, bool send)
{
    const char *path;
    enum cli_exit code = CLI_OK;

    for (unsigned i = 0; !code && i < DELTAS_MAX && (path = cli_text_at(addition->cli, OPT_DELTA, i)); i++)
        code = delta_check(addition, path, send);
    return code;
}

static void body_write(const struct addition *addition, struct buffer *out)
{
    struct json_writer writer;

    json_begin(&writer, out);
    json_put_text(&writer, "sha256", addition->sha256);
    json_open_array(&writer, "deltas");
    for (unsigned i = 0; i < addition->delta_count; i++) {
        json_open_object(&writer, NULL);
        json_put_text(&writer, "sha256", addition->deltas[i]);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_end(&writer);
}

/* What is wrong with the package itself has a code; the server's other refusals are said as they are. */
static enum cli_exit refusal_say(struct cli *cli, const struct api_answer *answer)
{
    const char *code = value_text(answer->json, "code"), *detail = value_text(answer->json, "detail");

    if (answer->status != 422 || !code[0])
        return cli_refused(cli, answer);
    return cli_fail(cli, CLI_REFUSED, "%s: %s", code, detail[0] ? detail : "the server refused the package");
}

static int64_t wait_of(const struct api_answer *answer)
{
    int64_t asked_ms = answer->retry_after_ms ? answer->retry_after_ms : ASK_AGAIN_MS;

    return asked_ms > ASK_AGAIN_MAX_MS ? ASK_AGAIN_MAX_MS : asked_ms;
}

/* Says the same again until the server has judged. */
static enum cli_exit verdict_wait(struct addition *addition, const struct buffer *body, struct api_answer *answer)
{
    const struct api_call call = {.method = "POST", .path = "/api/v1/releases", .body = body->bytes, .length = body->length};
    struct cli *cli = addition->cli;
    int64_t give_up_ms = clock_mono_ms() + VERIFYING_MS;
    bool is_told = false;

    for (;;) {
        enum cli_exit code = api_call(&cli->api, &call, answer);
        int64_t wait_ms = wait_of(answer);

        if (code)
            return refusal_say(cli, answer);
        if (answer->status != 202)
            return CLI_OK;
        if (!is_told)
            cli_note(cli, "%s %s is with the server, which verifies it; waiting", addition->model, addition->version);
        is_told = true;
        if (!api_sleep(&cli->api, wait_ms) || (!cli_given(cli, OPT_TIMEOUT) && clock_mono_ms() >= give_up_ms))
            return cli_fail(cli, CLI_TIMED_OUT, "the server still verifies %s %s; the same command again asks for the result", addition->model, addition->version);
        api_answer_done(answer);
    }
}

static enum cli_exit release_make(struct addition *addition)
{
    struct api_answer answer;
    struct buffer body;
    enum cli_exit code;

    buffer_init(&body, 0);
    body_write(addition, &body);
    code = verdict_wait(addition, &body, &answer);
    if (!code) {
        cli_note(addition->cli, "release %s %s %s", addition->model, addition->version, answer.status == 201 ? "added" : "was there already");
        release_print(addition->cli, answer.json);
    }
    api_answer_done(&answer);
    buffer_done(&body);
    return code;
}

enum cli_exit cmd_release_add(struct cli *cli)
{
    struct addition addition = {.cli = cli};
    const char *path = cli_argument(cli, 0);
    enum cli_exit code = package_open(cli, path, false, &addition.full);

    if (code)
        return code;
    (void)text_copy(addition.model, sizeof addition.model, addition.full.head.manifest.model);
    (void)text_copy(addition.version, sizeof addition.version, addition.full.head.manifest.version);
    code = deltas_go(&addition, false);
    if (!code) {
        cli_note(cli, "%s: %s %s", path, addition.model, addition.version);
        code = upload_package(cli, addition.full.fd, path, addition.full.size_bytes, addition.sha256);
    }
    if (!code)
        code = deltas_go(&addition, true);
    package_file_close(&addition.full);
    return code ? code : release_make(&addition);
}
