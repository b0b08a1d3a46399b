/* See follow.h. */
#include "cli/follow.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/board.h"
#include "cli/cli.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "common/clock.h"

#define INTERVAL_MS 1000
#define PATIENCE_MS 60000
#define CLOCKS_MS 1000   /* times in events and in rollouts may differ by less than this */

/* Moves what was built into its place; true when it is something else than before. */
static bool text_renew(struct buffer *old, struct buffer *made)
{
    bool same = !made->failed && old->length == made->length && memcmp(old->bytes ? old->bytes : "", made->bytes ? made->bytes : "", made->length) == 0;

    buffer_done(old);
    *old = *made;
    return !same;
}

static bool summary_renew(struct follow *follow)
{
    struct buffer summary;

    buffer_init(&summary, 0);
    standing_summarize(&follow->standing, &summary);
    return text_renew(&follow->summary, &summary);
}

/* Only their states: what they measure changes all the time. */
static bool gates_renew(struct follow *follow)
{
    struct buffer gates;
    const struct cJSON *gate;

    buffer_init(&gates, 0);
    cJSON_ArrayForEach(gate, value_find(follow->standing.why, "gates"))
        buffer_add_format(&gates, "%s %d,", value_text(gate, "state"), value_bool(gate, "doubt"));
    return text_renew(&follow->gates, &gates);
}

static void line_print(const char *title, const char *raw)
{
    struct buffer safe;

    buffer_init(&safe, 0);
    safe_text_add(&safe, raw, strlen(raw));
    if (!safe.failed)
        fprintf(stderr, "%s%s\n", title, safe.bytes ? safe.bytes : "");
    buffer_done(&safe);
}

static void lines_print(const struct follow *follow, bool gates_too)
{
    const struct cJSON *gate;

    if (!follow->summary.failed)
        fprintf(stderr, "%s\n", follow->summary.bytes ? follow->summary.bytes : "");
    if (gates_too)
        cJSON_ArrayForEach(gate, value_find(follow->standing.why, "gates"))
            line_print("  gate ", value_text(gate, "text"));
}

static void show(struct follow *follow)
{
    struct cli *cli = follow->cli;
    bool summary_news = summary_renew(follow), gates_news = gates_renew(follow);

    follow->news = summary_news || gates_news;
    rates_add(&follow->rates, &follow->standing);
    if (cli->progress.live) {
        failures_look(&follow->failures, cli, &follow->standing);
        board_fill(&follow->block, &follow->standing, &follow->rates, &follow->failures, clock_unix_ms());
        progress_draw_block(&cli->progress, &follow->block);
    } else if (follow->news && !cli->quiet) {
        lines_print(follow, gates_news);
    }
}

static enum cli_exit look(struct follow *follow)
{
    standing_done(&follow->standing);
    return standing_read(follow->cli, follow->rollout_id, PATIENCE_MS, &follow->standing);
}

static bool pause_between(struct follow *follow)
{
    int64_t changed_ms = value_number(follow->standing.rollout, "epoch", 0);

    return doorbell_wait(&follow->bell, follow->cli, follow->rollout_id, changed_ms > CLOCKS_MS ? changed_ms - CLOCKS_MS : 0, follow->hold_ms,
                         cli_number(follow->cli, OPT_INTERVAL, INTERVAL_MS));
}

enum cli_exit follow_run(struct follow *follow, struct cli *cli, const char *rollout_id, follow_judge *judge)
{
    enum cli_exit code;

    *follow = (struct follow){.cli = cli, .rollout_id = rollout_id};
    doorbell_init(&follow->bell);
    while ((code = look(follow)) == CLI_OK) {
        show(follow);
        if (judge(follow))
            return follow->code;
        if (!pause_between(follow))
            return cli_fail(cli, CLI_TIMED_OUT, "the time is over; the rollout goes on");
    }
    return code;
}

void follow_done(struct follow *follow)
{
    standing_done(&follow->standing);
    doorbell_done(&follow->bell);
    progress_block_clear(&follow->block);
    buffer_done(&follow->summary);
    buffer_done(&follow->gates);
}
