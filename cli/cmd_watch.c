/* drover rollout watch: shows a rollout until it has ended, and says whether it reached everyone. */
#include "cli/cmd.h"

#include "cli/cli.h"
#include "cli/cmd_rollout_plan.h"
#include "cli/follow.h"
#include "cli/values.h"

static enum cli_exit end_judge(struct follow *follow)
{
    const struct standing *standing = &follow->standing;
    int64_t behind = standing_left_behind(standing);

    if (standing->kind == STANDING_BACK)
        return cli_fail(follow->cli, CLI_ROLLED_BACK, "it is rolled back: %s", value_text(standing->rollout, "why"));
    if (standing->kind == STANDING_BROKEN_OFF)
        return cli_fail(follow->cli, CLI_NOT_UPDATED, "it is %s: %s", value_text(standing->rollout, "state"), value_text(standing->rollout, "why"));
    if (behind > 0)
        return cli_fail(follow->cli, CLI_NOT_UPDATED, "it has ended; %lld %s not updated", (long long)behind, behind == 1 ? "device was" : "devices were");
    return CLI_OK;
}

static bool watch_judge(struct follow *follow)
{
    struct cli *cli = follow->cli;
    bool over = standing_is_over(&follow->standing);

    if (over)
        progress_clear(&cli->progress);
    if (cli->output.format == OUTPUT_JSONL ? follow->news || over : over)
        rollout_print(cli, follow->standing.rollout);
    if (cli->output.format == OUTPUT_JSONL)
        output_show(&cli->output);
    if (over)
        follow->code = end_judge(follow);
    return over;
}

enum cli_exit cmd_rollout_watch(struct cli *cli)
{
    struct follow follow;
    enum cli_exit code = follow_run(&follow, cli, cli_argument(cli, 0), watch_judge);

    follow_done(&follow);
    return code;
}
