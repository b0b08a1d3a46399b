/* drover rollout start (without a plan) | list | show; watch and the orders have files of their own. */
#include "cli/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_rollout_plan.h"
#include "cli/list.h"
#include "cli/proposal_print.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

void rollout_print_row(struct cli *cli, const struct cJSON *rollout)
{
    int64_t now_ms = clock_unix_ms();

    if (cli->output.format != OUTPUT_TABLE) {
        output_object(&cli->output, &rollout_view, rollout, now_ms);
        return;
    }
    output_begin(&cli->output, &rollout_list_view);
    output_item(&cli->output, rollout, now_ms);
    output_end(&cli->output);
}

/* The members of the plan that were given; the server has defaults for the others. */
static void numbers_write(const struct cli *cli, struct buffer *out)
{
    static const struct {
        enum option_id option;
        const char *member;
        int64_t divisor;
    } rows[] = {
        {OPT_SHARE, "share_pct", 1},
        {OPT_MAX_IN_FLIGHT, "max_in_flight", 1},
        {OPT_MAX_ATTEMPTS, "max_attempts", 1},
        {OPT_ERROR_BUDGET, "error_budget_pct", 1},
        {OPT_CONFIRMATIONS, "confirmations", 1},
        {OPT_SOAK, "soak_ms", 1},
        {OPT_SPREAD, "spread_s", 1000},
    };
    struct json_writer writer;

    json_begin(&writer, out);
    json_put_text(&writer, "id", cli_text(cli, OPT_ID));
    json_put_text(&writer, "model", cli_argument(cli, 0));
    json_put_text(&writer, "version", cli_argument(cli, 1));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (cli_given(cli, rows[i].option))
            json_put_i64(&writer, rows[i].member, cli_number(cli, rows[i].option, 0) / rows[i].divisor);
    if (cli_given(cli, OPT_SUPERSEDE))
        json_put_bool(&writer, "supersede", true);
    json_end(&writer);
}

static enum cli_exit rollout_start_flat(struct cli *cli)
{
    struct api_answer answer;
    struct buffer body, path;
    enum cli_exit code;

    buffer_init(&body, 0);
    buffer_init(&path, 0);
    numbers_write(cli, &body);
    start_path(cli, &path);
    code = cli_post(cli, path.bytes, &body, cli_given(cli, OPT_DRY_RUN), &answer);
    if (!code)
        start_print(cli, answer.json);
    api_answer_done(&answer);
    buffer_done(&path);
    buffer_done(&body);
    return code;
}

enum cli_exit cmd_rollout_start(struct cli *cli)
{
    const char *model = cli_argument(cli, 0);

    if (cli_given(cli, OPT_UPGRADE_TIME) && !cli_given(cli, OPT_DRY_RUN))
        return cli_fail(cli, CLI_USAGE, "--upgrade-time goes with --dry-run");
    if (!cli_argument(cli, 1))
        return rollout_start_plan(cli, model);
    if (!text_is_id(model, strlen(model)))
        return cli_fail(cli, CLI_USAGE, "MODEL: `%s` is not an id (letters, digits, `.`, `_`, `-`, at most 64)", model);
    return rollout_start_flat(cli);
}

enum cli_exit cmd_rollout_list(struct cli *cli)
{
    return list_print(cli, &(struct list){.path = "/api/v1/rollouts", .view = &rollout_list_view, .paged = true});
}

void rollout_print(struct cli *cli, const struct cJSON *rollout)
{
    output_object_and_list(&cli->output, &rollout_view, rollout, &stage_list_view, value_find(rollout, "stages"), clock_unix_ms());
    proposal_print(cli, rollout);
}

enum cli_exit cmd_rollout_show(struct cli *cli)
{
    struct api_answer answer;
    enum cli_exit code = cli_get_format(cli, &answer, "/api/v1/rollouts/%s", cli_argument(cli, 0));

    if (!code)
        rollout_print(cli, answer.json);
    api_answer_done(&answer);
    return code;
}
