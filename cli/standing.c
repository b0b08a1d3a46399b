/* See standing.h. Which state means what is one table; the words are the API's. */
#include "cli/standing.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/fields.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "common/clock.h"

static const struct {
    const char *state;
    enum standing_kind kind;
} states[] = {
    {"paused", STANDING_PAUSED},          {"completed", STANDING_PASSED},         {"rolling_back", STANDING_GOES_BACK},
    {"rollback_paused", STANDING_GOES_BACK}, {"rolled_back", STANDING_BACK},      {"cancelled", STANDING_BROKEN_OFF},
    {"superseded", STANDING_BROKEN_OFF},
};

/* States of upgrades that have ended without the new version, or seem to have. */
static const char *const left_behind_states[] = {
    "states.failed", "states.rolled_back", "states.rejected", "states.lost", "states.cancelled", "states.superseded",
};

static enum standing_kind kind_of(const char *state)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(states[i].state, state) == 0)
            return states[i].kind;
    return STANDING_GOES_ON;
}

void standing_take(struct cJSON *rollout, struct cJSON *why, struct standing *ret)
{
    *ret = (struct standing){.rollout = rollout, .why = why, .kind = kind_of(value_text(rollout, "state")),
                             .stage = value_number(rollout, "stage", 0), .at_mono_ms = clock_mono_ms()};
}

void standing_done(struct standing *standing)
{
    cJSON_Delete(standing->rollout);
    cJSON_Delete(standing->why);
    *standing = (struct standing){0};
}

static enum cli_exit object_read(struct cli *cli, const char *rollout_id, const char *part, int64_t patience_ms, struct cJSON **ret)
{
    struct api_answer answer;
    struct buffer path;
    enum cli_exit code;

    buffer_init(&path, 0);
    buffer_add_format(&path, "/api/v1/rollouts/%s%s", rollout_id, part);
    code = api_call(&cli->api, &(struct api_call){.method = "GET", .path = path.bytes, .repeatable = true, .patience_ms = patience_ms}, &answer);
    if (code) {
        code = cli_refused(cli, &answer);
    } else {
        *ret = answer.json;
        answer.json = NULL;
    }
    api_answer_done(&answer);
    buffer_done(&path);
    return code;
}

enum cli_exit standing_read(struct cli *cli, const char *rollout_id, int64_t patience_ms, struct standing *ret)
{
    struct cJSON *rollout = NULL, *why = NULL;
    enum cli_exit code = object_read(cli, rollout_id, "", patience_ms, &rollout);

    if (!code && value_number(rollout, "stage", 0) > 0)
        code = object_read(cli, rollout_id, "/why", patience_ms, &why);
    standing_take(rollout, why, ret);
    return code;
}

int64_t standing_left_behind(const struct standing *standing)
{
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof left_behind_states / sizeof left_behind_states[0]; i++)
        sum += value_number(standing->rollout, left_behind_states[i], 0);
    return sum;
}

int64_t standing_ended(const struct cJSON *counts)
{
    int64_t sum = value_number(counts, "states.succeeded", 0);

    for (size_t i = 0; i < sizeof left_behind_states / sizeof left_behind_states[0]; i++)
        sum += value_number(counts, left_behind_states[i], 0);
    return sum;
}

bool standing_is_over(const struct standing *standing)
{
    if (standing->kind == STANDING_BROKEN_OFF || standing->kind == STANDING_BACK)
        return true;
    if (standing->kind == STANDING_PASSED)
        return value_number(standing->rollout, "in_flight", 0) == 0;
    return standing->stage == 0 && value_bool(standing->rollout, "settled");
}

const struct cJSON *standing_stage(const struct standing *standing, int64_t stage)
{
    return stage > 0 ? cJSON_GetArrayItem(value_find(standing->rollout, "stages"), (int)stage - 1) : NULL;
}

static void stage_add(const struct standing *standing, struct buffer *raw)
{
    const struct cJSON *stage = standing_stage(standing, standing->stage);
    int64_t failed = value_number(stage, "failed", 0);

    buffer_add_format(raw, ", stage %lld of %d (%s): %lld of %lld settled", (long long)standing->stage,
                      cJSON_GetArraySize(value_find(standing->rollout, "stages")), value_text(stage, "name"),
                      (long long)standing_ended(stage), (long long)value_number(stage, "opened", 0));
    if (failed > 0)
        buffer_add_format(raw, ", %lld failed", (long long)failed);
    buffer_add_text(raw, "; ");
}

static void fleet_add(const struct standing *standing, struct buffer *raw)
{
    buffer_add_format(raw, ": %lld of %lld on %s, %lld remaining; ", (long long)value_number(standing->rollout, "on_target", 0),
                      (long long)value_number(standing->rollout, "devices", 0), value_text(standing->rollout, "version"),
                      (long long)value_number(standing->rollout, "remaining", 0));
}

void standing_summarize(const struct standing *standing, struct buffer *out)
{
    const char *why = value_text(standing->rollout, "why");
    struct buffer raw;

    buffer_init(&raw, 0);
    buffer_add_text(&raw, value_text(standing->rollout, "state"));
    if (why[0] && standing->kind != STANDING_GOES_ON)
        buffer_add_format(&raw, " (%s)", why);
    if (standing->stage > 0 && standing->kind != STANDING_PASSED)
        stage_add(standing, &raw);
    else
        fleet_add(standing, &raw);
    counts_format(value_find(standing->rollout, "states"), &raw);
    safe_text_add(out, raw.bytes, raw.failed ? 0 : raw.length);
    out->failed |= raw.failed;
    buffer_done(&raw);
}
