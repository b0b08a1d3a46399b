/* drover rollout watch: asks again and again until the rollout has ended, and says whether it reached everyone. */
#include "cli/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"

#define INTERVAL_MS 1000
#define PATIENCE_MS 60000

/* States in which an upgrade has ended, or seems to have, without the new version. */
static const char *const left_behind_states[] = {
    "states.failed", "states.rolled_back", "states.rejected", "states.lost", "states.cancelled", "states.superseded",
};

static int64_t left_behind(const struct cJSON *rollout)
{
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof left_behind_states / sizeof left_behind_states[0]; i++)
        sum += value_number(rollout, left_behind_states[i], 0);
    return sum;
}

static bool is_broken_off(const struct cJSON *rollout)
{
    const char *state = value_text(rollout, "state");

    return strcmp(state, "cancelled") == 0 || strcmp(state, "superseded") == 0;
}

/* "running: 104 of 200 on 1.1.0, 60 remaining; downloading 12, verifying 8, failed 2", made safe. */
static void summary_write(const struct cJSON *rollout, struct buffer *out)
{
    const char *why = value_text(rollout, "why");
    struct buffer raw;

    buffer_init(&raw, 0);
    buffer_add_text(&raw, value_text(rollout, "state"));
    if (why[0] && strcmp(value_text(rollout, "state"), "running") != 0)
        buffer_add_format(&raw, " (%s)", why);
    buffer_add_format(&raw, ": %lld of %lld on %s, %lld remaining; ", (long long)value_number(rollout, "on_target", 0),
                      (long long)value_number(rollout, "devices", 0), value_text(rollout, "version"),
                      (long long)value_number(rollout, "remaining", 0));
    counts_format(value_find(rollout, "states"), &raw);
    safe_text_add(out, raw.bytes, raw.failed ? 0 : raw.length);
    out->failed |= raw.failed;
    buffer_done(&raw);
}

struct watch {
    struct cli *cli;
    struct buffer path;
    struct buffer last;   /* the summary that was shown last */
    bool ended;
    enum cli_exit code;   /* of the end */
};

static void standing_show(struct watch *watch, const struct cJSON *rollout)
{
    struct cli *cli = watch->cli;
    int64_t devices = value_number(rollout, "devices", 0), remaining = value_number(rollout, "remaining", 0);
    struct buffer summary;
    bool changed;

    buffer_init(&summary, 0);
    summary_write(rollout, &summary);
    changed = !summary.failed && (!watch->last.bytes || strcmp(summary.bytes, watch->last.bytes) != 0);
    if (!summary.failed && cli->progress.live)
        progress_draw(&cli->progress, devices - remaining, devices, summary.bytes);
    else if (changed && !cli->quiet)
        fprintf(stderr, "%s\n", summary.bytes);
    if (changed) {
        buffer_clear(&watch->last);
        buffer_add_text(&watch->last, summary.bytes);
        if (cli->output.format == OUTPUT_JSONL) {
            output_object(&cli->output, &rollout_view, rollout, clock_unix_ms());
            output_show(&cli->output);
        }
    }
    buffer_done(&summary);
}

static void end_judge(struct watch *watch, const struct cJSON *rollout)
{
    int64_t behind = left_behind(rollout);

    watch->ended = is_broken_off(rollout) || value_bool(rollout, "settled");
    if (!watch->ended)
        return;
    progress_clear(&watch->cli->progress);
    if (watch->cli->output.format != OUTPUT_JSONL)
        output_object(&watch->cli->output, &rollout_view, rollout, clock_unix_ms());
    if (is_broken_off(rollout))
        watch->code = cli_fail(watch->cli, CLI_NOT_UPDATED, "it is %s: %s", value_text(rollout, "state"), value_text(rollout, "why"));
    else if (behind > 0)
        watch->code = cli_fail(watch->cli, CLI_NOT_UPDATED, "it has ended; %lld %s not updated", (long long)behind, behind == 1 ? "device was" : "devices were");
}

static enum cli_exit look(struct watch *watch)
{
    struct api_answer answer;
    enum cli_exit code = api_call(&watch->cli->api,
                                  &(struct api_call){.method = "GET", .path = watch->path.bytes, .repeatable = true, .patience_ms = PATIENCE_MS},
                                  &answer);

    if (code) {
        code = cli_refused(watch->cli, &answer);
    } else {
        standing_show(watch, answer.json);
        end_judge(watch, answer.json);
    }
    api_answer_done(&answer);
    return code;
}

enum cli_exit cmd_rollout_watch(struct cli *cli)
{
    struct watch watch = {.cli = cli};
    enum cli_exit code;

    buffer_init(&watch.path, 0);
    buffer_init(&watch.last, 0);
    buffer_add_format(&watch.path, "/api/v1/rollouts/%s", cli_argument(cli, 0));
    while ((code = look(&watch)) == CLI_OK && !watch.ended)
        if (!api_sleep(&cli->api, cli_number(cli, OPT_INTERVAL, INTERVAL_MS))) {
            code = cli_fail(cli, CLI_TIMED_OUT, "the time is over; the rollout goes on");
            break;
        }
    buffer_done(&watch.last);
    buffer_done(&watch.path);
    return code ? code : watch.code;
}
