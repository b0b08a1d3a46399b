/* The operator's orders: drover rollout pause | resume | cancel | promote | rollback | retry | exclude | excluded | include | stop-all | start-all,
 * and drover device quarantine | readmit. */
#include "cli/cmd.h"

#include "cli/cli.h"
#include "cli/cmd_rollout_plan.h"
#include "cli/fields.h"
#include "cli/list.h"
#include "cli/order.h"
#include "cli/proposal_print.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"
#include "common/text.h"

#define EXCLUDED_LIMIT 1000

/* --- a rollout --- */

static enum cli_exit rollout_order(struct cli *cli, const struct order *order, const char *action)
{
    struct api_answer answer;
    enum cli_exit code = order_send(cli, order, &answer, "/api/v1/rollouts/%s/%s", cli_argument(cli, 0), action);

    if (!code) {
        rollout_print_row(cli, answer.json);
        proposal_note(cli, &answer);
    }
    api_answer_done(&answer);
    return code;
}

static enum cli_exit rollout_act(struct cli *cli, const char *action)
{
    return rollout_order(cli, &(struct order){.device = NULL}, action);
}

enum cli_exit cmd_rollout_pause(struct cli *cli)
{
    return rollout_act(cli, "pause");
}

enum cli_exit cmd_rollout_resume(struct cli *cli)
{
    return rollout_act(cli, "resume");
}

enum cli_exit cmd_rollout_cancel(struct cli *cli)
{
    return rollout_act(cli, "cancel");
}

/* Said twice, by two people or by one who was impatient, it must not pass a stage that nobody has looked at: it is bound to the rollout as it is now. */
enum cli_exit cmd_rollout_promote(struct cli *cli)
{
    struct order order = {.device = NULL};
    int64_t revision;
    enum cli_exit code = rollout_revision(cli, &revision);

    (void)snprintf(order.if_match, sizeof order.if_match, "\"%lld\"", (long long)revision);
    return code ? code : rollout_order(cli, &order, "promote");
}

enum cli_exit cmd_rollout_rollback(struct cli *cli)
{
    return rollout_act(cli, "rollback");
}

enum cli_exit cmd_rollout_retry(struct cli *cli)
{
    return rollout_act(cli, "retry");
}

/* --- a device --- */

static void why_name(const struct cJSON *answer, struct buffer *out)
{
    buffer_add_text(out, value_text(answer, "why"));
}

/* Prints the server's words; with -o name the device's id. */
static enum cli_exit device_say(struct cli *cli, const char *device, enum cli_exit code, struct api_answer *answer)
{
    static const struct field fields[] = {{"why", "why", FIELD_TEXT}};
    static const struct view view = {why_name, fields, 1};

    if (!code && cli->output.format == OUTPUT_NAME)
        fprintf(cli->output.stream, "%s\n", device);
    else if (!code)
        output_object(&cli->output, &view, answer->json, clock_unix_ms());
    api_answer_done(answer);
    return code;
}

static enum cli_exit member_act(struct cli *cli, const char *action)
{
    struct api_answer answer;
    const struct order order = {.device = cli_argument(cli, 1)};
    enum cli_exit code = order_send(cli, &order, &answer, "/api/v1/rollouts/%s/%s", cli_argument(cli, 0), action);

    return device_say(cli, order.device, code, &answer);
}

enum cli_exit cmd_rollout_exclude(struct cli *cli)
{
    return member_act(cli, "exclude");
}

enum cli_exit cmd_rollout_include(struct cli *cli)
{
    return member_act(cli, "include");
}

enum cli_exit cmd_rollout_excluded(struct cli *cli)
{
    struct buffer path;
    enum cli_exit code;

    buffer_init(&path, 0);
    buffer_add_format(&path, "/api/v1/rollouts/%s/excluded", cli_argument(cli, 0));
    code = list_print(cli, &(struct list){.path = path.bytes, .view = &exclusion_list_view, .paged = true, .limit = cli_number(cli, OPT_LIMIT, EXCLUDED_LIMIT)});
    buffer_done(&path);
    return code;
}

enum cli_exit cmd_device_quarantine(struct cli *cli)
{
    struct api_answer answer;
    const struct order order = {.version = cli_argument(cli, 1), .for_s = cli_number(cli, OPT_FOR, 0) / 1000};
    enum cli_exit code = order_send(cli, &order, &answer, "/api/v1/devices/%s/quarantine", cli_argument(cli, 0));

    return device_say(cli, cli_argument(cli, 0), code, &answer);
}

enum cli_exit cmd_device_readmit(struct cli *cli)
{
    struct api_answer answer;
    enum cli_exit code = order_send(cli, &(struct order){.device = NULL}, &answer, "/api/v1/devices/%s/readmit", cli_argument(cli, 0));

    return device_say(cli, cli_argument(cli, 0), code, &answer);
}

/* --- all rollouts --- */

static void stopped_name(const struct cJSON *answer, struct buffer *out)
{
    buffer_add_text(out, value_bool(answer, "stopped") ? "stopped" : "free");
}

static enum cli_exit all_act(struct cli *cli, const char *action)
{
    static const struct field fields[] = {{"stopped", "stopped", FIELD_YES}, {"since", "stopped_ms", FIELD_TIME}, {"by", "stopped_by", FIELD_TEXT},
                                          {"why", "stopped_why", FIELD_TEXT}};
    static const struct view view = {stopped_name, fields, sizeof fields / sizeof fields[0]};
    struct api_answer answer;
    enum cli_exit code = order_send(cli, &(struct order){.device = NULL}, &answer, "/api/v1/%s", action);

    if (!code)
        output_object(&cli->output, &view, answer.json, clock_unix_ms());
    api_answer_done(&answer);
    return code;
}

enum cli_exit cmd_rollout_stop_all(struct cli *cli)
{
    return all_act(cli, "stop-all");
}

enum cli_exit cmd_rollout_start_all(struct cli *cli)
{
    return all_act(cli, "start-all");
}
