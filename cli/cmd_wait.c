/* drover rollout wait: ends when a rollout has come so far, for scripts and CI pipelines: the exit code says what became of it. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_rollout_plan.h"
#include "cli/follow.h"
#include "cli/values.h"
#include "common/text.h"

#define STAGES_MAX 16
#define HOLD_MS 15000

enum until { UNTIL_COMPLETED, UNTIL_SETTLED, UNTIL_STAGE, UNTIL_PASSED };

struct wait {
    struct follow follow;     /* first: the judge is given this */
    enum until until;
    int64_t stage;
};

static const struct {
    const char *word;      /* up to the number, where it has one */
    bool numbered;
} points[] = {
    [UNTIL_COMPLETED] = {"completed", false}, [UNTIL_SETTLED] = {"settled", false}, [UNTIL_STAGE] = {"stage:", true}, [UNTIL_PASSED] = {"passed:", true},
};

static bool until_read(const char *text, struct wait *ret)
{
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        size_t length = strlen(points[i].word);

        if (strncmp(text, points[i].word, length) != 0)
            continue;
        ret->until = (enum until)i;
        return points[i].numbered ? text_to_i64(text + length, strlen(text + length), 1, STAGES_MAX, &ret->stage) : text[length] == '\0';
    }
    return false;
}

/* A rollout without stages is completed when everybody has had a turn. */
static bool is_reached(const struct wait *wait)
{
    const struct standing *standing = &wait->follow.standing;
    bool passed = standing->kind == STANDING_PASSED, all_had_a_turn = standing->kind == STANDING_GOES_ON && standing_is_over(standing);

    switch (wait->until) {
    case UNTIL_STAGE:
        return passed || (strcmp(value_text(standing->rollout, "state"), "running") == 0 && standing->stage >= wait->stage);
    case UNTIL_PASSED:
        return passed || (strcmp(value_text(standing->rollout, "state"), "running") == 0 &&
                          standing->stage + value_bool(standing->why, "stage.passed") > wait->stage);
    case UNTIL_SETTLED:
        return (passed && standing_is_over(standing)) || all_had_a_turn;
    case UNTIL_COMPLETED:
        break;
    }
    return passed || all_had_a_turn;
}

static enum cli_exit reached(struct wait *wait)
{
    struct cli *cli = wait->follow.cli;
    int64_t behind = standing_left_behind(&wait->follow.standing);

    if ((wait->until == UNTIL_SETTLED || wait->follow.standing.stage == 0) && behind > 0)
        return cli_fail(cli, CLI_NOT_UPDATED, "%lld devices were not updated", (long long)behind);
    return CLI_OK;
}

/* What no longer leads to where the caller wants it; 0: it still may. */
static enum cli_exit gone_wrong(struct wait *wait)
{
    static const enum cli_exit codes[] = {
        [STANDING_PAUSED] = CLI_PAUSED, [STANDING_GOES_BACK] = CLI_ROLLED_BACK, [STANDING_BACK] = CLI_ROLLED_BACK, [STANDING_BROKEN_OFF] = CLI_NOT_UPDATED,
    };
    const struct standing *standing = &wait->follow.standing;
    enum cli_exit code = (size_t)standing->kind < sizeof codes / sizeof codes[0] ? codes[standing->kind] : CLI_OK;

    if (code)
        return cli_fail(wait->follow.cli, code, "it is %s: %s", value_text(standing->rollout, "state"), value_text(standing->rollout, "why"));
    return CLI_OK;
}

/* One that the rollout does not have would be reached at its end at best, and never without stages. */
static bool has_stage(const struct wait *wait)
{
    return !points[wait->until].numbered || wait->stage <= cJSON_GetArraySize(value_find(wait->follow.standing.rollout, "stages"));
}

static bool wait_judge(struct follow *follow)
{
    struct wait *wait = (struct wait *)follow;

    if (!has_stage(wait)) {
        follow->code = cli_fail(follow->cli, CLI_USAGE, "--until %s%lld: the rollout has %d stages", points[wait->until].word, (long long)wait->stage,
                                cJSON_GetArraySize(value_find(follow->standing.rollout, "stages")));
        return true;
    }
    bool over = is_reached(wait);

    bool rings = wait->until == UNTIL_COMPLETED || wait->until == UNTIL_STAGE;

    /* Stages and states change with an event; that the last device has settled does not. On a terminal it shows what devices do, too. */
    follow->hold_ms = rings && follow->standing.stage > 0 && !follow->cli->progress.live ? HOLD_MS : 0;
    if (over)
        follow->code = reached(wait);
    else if ((follow->code = gone_wrong(wait)) == CLI_OK)
        return false;
    progress_clear(&follow->cli->progress);
    rollout_print(follow->cli, follow->standing.rollout);
    return true;
}

enum cli_exit cmd_rollout_wait(struct cli *cli)
{
    const char *until = cli_given(cli, OPT_UNTIL) ? cli_text(cli, OPT_UNTIL) : points[UNTIL_COMPLETED].word;
    struct wait wait = {0};
    enum cli_exit code;

    if (!until_read(until, &wait))
        return cli_fail(cli, CLI_USAGE, "--until %s: not completed, settled, stage:N or passed:N with N from 1 to %d", until, STAGES_MAX);
    code = follow_run(&wait.follow, cli, cli_argument(cli, 0), wait_judge);
    follow_done(&wait.follow);
    return code;
}
