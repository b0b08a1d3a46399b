/* drover rollout check | plan | edit, and starting a rollout from a plan. */
#include "cli/cmd_rollout_plan.h"

#include <cjson/cJSON.h>

#include "cli/cmd.h"
#include "cli/forecast_print.h"
#include "cli/plan_file.h"
#include "cli/proposal_print.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"
#include "common/json.h"

#define UPGRADE_MS_DEFAULT 300000

/* A plan is one JSON text in every format but jsonl, which has it on one line, and name. */
static void plan_print(struct cli *cli, const struct cJSON *plan)
{
    struct output output = cli->output;

    if (output.format == OUTPUT_TABLE)
        output.format = OUTPUT_JSON;
    output_object(&output, &rollout_view, plan, clock_unix_ms());
    cli->output.failed |= output.failed;
}

/* --- check --- */

static enum cli_exit plan_reprint(struct cli *cli, const struct plan *plan)
{
    struct problem problem = {0};
    struct cJSON *json = NULL;
    struct buffer text;
    enum drover_error error;
    const struct json_limits limits = {4 * PLAN_BYTES_MAX, 8, PLAN_BYTES_MAX, PLAN_BYTES_MAX};

    buffer_init(&text, 0);
    plan_write(plan, &text);
    error = text.failed ? DROVER_MEMORY : json_parse(text.bytes, text.length, &limits, &json, &problem);
    if (!error)
        plan_print(cli, json);
    cJSON_Delete(json);
    buffer_done(&text);
    return error ? cli_fail(cli, CLI_FAILED, "%s", drover_error_text(error)) : CLI_OK;
}

enum cli_exit cmd_rollout_check(struct cli *cli)
{
    struct plan_file file;
    enum cli_exit code = plan_file_read(cli, cli_argument(cli, 0), &file);

    if (!code) {
        cli_note(cli, "%s: a plan for %s %s with %u stage%s", file.path, file.plan->model, file.plan->version, file.plan->stage_count,
                 file.plan->stage_count == 1 ? "" : "s");
        if (cli->output.format != OUTPUT_TABLE)
            code = plan_reprint(cli, file.plan);
    }
    plan_file_done(&file);
    return code;
}

/* --- plan, edit --- */

enum cli_exit cmd_rollout_plan(struct cli *cli)
{
    struct api_answer answer;
    enum cli_exit code = cli_get_format(cli, &answer, "/api/v1/rollouts/%s/plan", cli_argument(cli, 0));

    if (!code)
        plan_print(cli, answer.json);
    api_answer_done(&answer);
    return code;
}

/* The server's errors in a plan have pointers: each is shown with its place in the file. */
static enum cli_exit plan_refused(struct cli *cli, const struct plan_file *file, const struct api_answer *answer)
{
    const cJSON *item, *errors = answer->json ? cJSON_GetObjectItemCaseSensitive(answer->json, "errors") : NULL;

    if (!cJSON_IsArray(errors) || cJSON_GetArraySize(errors) == 0)
        return cli_refused(cli, answer);
    cJSON_ArrayForEach(item, errors)
        plan_file_problem(cli, file, value_text(item, "pointer"), value_text(item, "detail"));
    return CLI_USAGE;
}

static enum cli_exit plan_send(struct cli *cli, const struct plan_file *file, const char *method, const char *path, struct api_answer *answer)
{
    const struct api_call call = {.method = method, .path = path, .body = file->json.bytes, .length = file->json.length, .repeatable = cli_given(cli, OPT_DRY_RUN)};

    return api_call(&cli->api, &call, answer) ? plan_refused(cli, file, answer) : CLI_OK;
}

enum cli_exit rollout_revision(struct cli *cli, int64_t *ret_revision)
{
    struct api_answer answer;
    enum cli_exit code = cli_get_format(cli, &answer, "/api/v1/rollouts/%s", cli_argument(cli, 0));

    *ret_revision = 0;
    if (!code)
        *ret_revision = value_number(answer.json, "revision", 0);
    api_answer_done(&answer);
    return code;
}

enum cli_exit cmd_rollout_edit(struct cli *cli)
{
    struct api_answer answer = {0};
    struct plan_file file;
    struct buffer path;
    int64_t revision = cli_number(cli, OPT_REVISION, 0);
    enum cli_exit code = plan_file_read(cli, cli_argument(cli, 1), &file);

    buffer_init(&path, 0);
    if (!code && revision == 0)
        code = rollout_revision(cli, &revision);
    buffer_add_format(&path, "/api/v1/rollouts/%s/plan?revision=%lld", cli_argument(cli, 0), (long long)revision);
    if (!code)
        code = plan_send(cli, &file, "PUT", path.bytes, &answer);
    if (!code) {
        rollout_print_row(cli, answer.json);
        proposal_note(cli, &answer);
    }
    api_answer_done(&answer);
    buffer_done(&path);
    plan_file_done(&file);
    return code;
}

/* --- start --- */

void start_path(const struct cli *cli, struct buffer *path)
{
    buffer_add_text(path, "/api/v1/rollouts");
    if (cli_given(cli, OPT_DRY_RUN))
        buffer_add_format(path, "?dry_run=true&upgrade_s=%lld", (long long)cli_number(cli, OPT_UPGRADE_TIME, UPGRADE_MS_DEFAULT) / 1000);
}

void start_print(struct cli *cli, const struct cJSON *answer)
{
    if (cli_given(cli, OPT_DRY_RUN))
        forecast_print(cli, answer);
    else
        rollout_print_row(cli, answer);
}

static enum cli_exit flat_options_refuse(struct cli *cli)
{
    static const enum option_id flat[] = {OPT_ID, OPT_SHARE, OPT_MAX_IN_FLIGHT, OPT_MAX_ATTEMPTS, OPT_ERROR_BUDGET, OPT_CONFIRMATIONS, OPT_SOAK, OPT_SPREAD, OPT_SUPERSEDE};

    for (size_t i = 0; i < sizeof flat / sizeof flat[0]; i++)
        if (cli_given(cli, flat[i]))
            return cli_fail(cli, CLI_USAGE, "--%s goes with MODEL VERSION; a plan says it itself", option_row(flat[i])->name);
    return CLI_OK;
}

enum cli_exit rollout_start_plan(struct cli *cli, const char *path)
{
    struct api_answer answer = {0};
    struct plan_file file = {0};
    struct buffer url;
    enum cli_exit code = flat_options_refuse(cli);

    buffer_init(&url, 0);
    start_path(cli, &url);
    if (!code)
        code = plan_file_read(cli, path, &file);
    if (!code)
        code = plan_send(cli, &file, "POST", url.bytes, &answer);
    if (!code)
        start_print(cli, answer.json);
    api_answer_done(&answer);
    plan_file_done(&file);
    buffer_done(&url);
    return code;
}
