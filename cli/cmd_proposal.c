/* drover rollout approve | reject: a rollout that waits for its approvals, or an order for one that has them. */
#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_rollout_plan.h"
#include "cli/order.h"
#include "cli/proposal_print.h"
#include "cli/values.h"
#include "common/text.h"

/* "proposal" with its number as an ETag, when something is proposed; the rollout as it was looked at otherwise. */
struct target {
    int64_t proposal;
    struct order order;
};

/* The number that was given, else that of what waits now; of a rollout that still waits for its approvals none. */
static enum cli_exit target_find(struct cli *cli, struct target *ret)
{
    struct api_answer answer;
    enum cli_exit code = cli_get_format(cli, &answer, "/api/v1/rollouts/%s", cli_argument(cli, 0));

    *ret = (struct target){.proposal = cli_number(cli, OPT_PROPOSAL, 0)};
    if (!code && ret->proposal == 0)
        ret->proposal = value_number(answer.json, "proposal.number", 0);
    if (!code)
        (void)snprintf(ret->order.if_match, sizeof ret->order.if_match, "\"%lld\"", (long long)(ret->proposal ? ret->proposal : value_number(answer.json, "revision", 0)));
    api_answer_done(&answer);
    return code;
}

static enum cli_exit decision_send(struct cli *cli, const struct target *target, const char *decision)
{
    struct api_answer answer;
    enum cli_exit code = order_send(cli, &target->order, &answer, "/api/v1/rollouts/%s/%s%s", cli_argument(cli, 0), target->proposal ? "proposal/" : "", decision);

    if (!code)
        rollout_print_row(cli, answer.json);
    api_answer_done(&answer);
    return code;
}

enum cli_exit cmd_rollout_approve(struct cli *cli)
{
    struct target target;
    enum cli_exit code = target_find(cli, &target);

    return code ? code : decision_send(cli, &target, "approve");
}

enum cli_exit cmd_rollout_reject(struct cli *cli)
{
    struct target target;
    enum cli_exit code = target_find(cli, &target);

    if (!code && !target.proposal)
        return cli_fail(cli, CLI_CONFLICT, "nothing is proposed for %s; a rollout that waits for its approvals is ended by drover rollout cancel", cli_argument(cli, 0));
    return code ? code : decision_send(cli, &target, "reject");
}
