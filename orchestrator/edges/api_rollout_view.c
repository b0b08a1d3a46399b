/* A rollout as the API shows it: its plan, its counts, and where it stands in the fleet. O(versions of the model). */
#include <string.h>

#include "common/clock.h"
#include "common/semver.h"
#include "orchestrator/core/proposal.h"
#include "orchestrator/edges/api_inside.h"

static void plan_put(struct json_writer *writer, const struct rollout *rollout)
{
    json_put_text(writer, "id", rollout->id);
    json_put_text(writer, "model", rollout->model);
    json_put_text(writer, "version", rollout->version);
    json_put_text(writer, "state", rollout_state_name(rollout->state));
    json_put_text(writer, "why", rollout->why);
    json_put_i64(writer, "revision", rollout->revision);
    json_put_i64(writer, "epoch", rollout->epoch);
    json_put_i64(writer, "created_ms", rollout->created_ms);
    json_put_i64(writer, "share_pct", rollout->share_pct);
    json_put_i64(writer, "max_in_flight", rollout->max_in_flight);
    json_put_i64(writer, "max_attempts", rollout->max_attempts);
    json_put_i64(writer, "error_budget_pct", rollout->error_budget_pct);
    json_put_i64(writer, "confirmations", rollout->confirmations);
    json_put_i64(writer, "soak_ms", rollout->soak_ms);
    json_put_i64(writer, "spread_s", rollout->spread_s);
    json_put_text(writer, "sha256", rollout->release.sha256[0] != '\0' ? rollout->release.sha256 : NULL);
    json_put_i64(writer, "size", rollout->release.size_bytes);
}

static void states_put(struct json_writer *writer, const struct rollout_counts *counts)
{
    json_open_object(writer, "states");
    for (int i = STATE_NONE + 1; i < UPGRADE_STATE_COUNT; i++)
        json_put_i64(writer, upgrade_state_name((enum upgrade_state)i), counts->states[i]);
    json_close_object(writer);
    json_open_object(writer, "errors");
    for (int i = E_NONE + 1; i < ERROR_CODE_COUNT; i++)
        if (counts->errors[i] > 0)
            json_put_i64(writer, error_code_name((enum error_code)i), counts->errors[i]);
    json_close_object(writer);
}

static void counts_put(struct json_writer *writer, const struct rollout *rollout)
{
    json_put_i64(writer, "opened", rollout->counts.opened);
    json_put_i64(writer, "retried", rollout->retried);
    json_put_i64(writer, "in_flight", rollout_in_flight(rollout));
    states_put(writer, &rollout->counts);
}

static void approvers_put(struct json_writer *writer, const char names[ROLLOUT_APPROVERS_MAX][ID_SIZE])
{
    json_open_array(writer, "approvers");
    for (size_t i = 0; i < ROLLOUT_APPROVERS_MAX; i++)
        if (names[i][0])
            json_put_text(writer, NULL, names[i]);
    json_close_array(writer);
}

/* Where a staged one stands. */
static void position_put(struct json_writer *writer, const struct rollout *rollout)
{
    if (rollout->plan_revision == 0)
        return;
    json_put_i64(writer, "stage", rollout->stage);
    json_put_i64(writer, "stage_ms", rollout->stage_ms);
    json_put_i64(writer, "plan_revision", rollout->plan_revision);
    json_put_i64(writer, "start_ms", rollout->start_ms);
    json_put_i64(writer, "approvals", rollout->approvals);
    json_put_text(writer, "author", rollout->author[0] ? rollout->author : NULL);
    approvers_put(writer, rollout->approvers);
}

/* What is done once more, or taken back. */
static void again_put(struct json_writer *writer, const struct rollout *rollout)
{
    if (rollout->retry_ms > 0)
        json_put_i64(writer, "retry_ms", rollout->retry_ms);
    if (rollout->back_ms == 0)
        return;
    json_put_i64(writer, "back_ms", rollout->back_ms);
    json_put_i64(writer, "back_left", rollout->back_left);
    json_put_i64(writer, "back_offline", rollout->back_offline);
}

/* Devices that had their turn, or wait for an operator or their own return, without the new version. */
static int64_t left_behind(const struct rollout *rollout)
{
    static const enum upgrade_state states[] = {STATE_FAILED, STATE_ROLLED_BACK, STATE_REJECTED,
                                                STATE_LOST,   STATE_CANCELLED,   STATE_SUPERSEDED};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        sum += rollout->counts.states[states[i]];
    return sum;
}

/* Devices of the model on exactly the target, and on versions that are not older than it: the rollout leaves those alone. */
static void versions_count(const struct model_summary *model, const char *target, int64_t *ret_on_target, int64_t *ret_beyond)
{
    *ret_on_target = *ret_beyond = 0;
    for (unsigned i = 0; i < model->version_count; i++) {
        const struct version_count *version = &model->versions[i];
        if (strcmp(version->version, target) == 0)
            *ret_on_target += version->devices;
        else if (semver_compare(version->version, target) >= 0)
            *ret_beyond += version->devices;
    }
}

static bool is_quiet(const struct api *api, const struct rollout *rollout)
{
    for (size_t i = 0; i < API_NOTED_MAX; i++)
        if (strcmp(api->noted[i].id, rollout->id) == 0)
            return api->noted[i].opened == rollout->counts.opened && clock_mono_ms() - api->noted[i].since_ms >= API_QUIET_MS;
    return false;
}

/* Nothing is under way and nothing more will begin by itself. */
static bool is_settled(const struct api *api, const struct rollout *rollout, int64_t remaining)
{
    if (rollout_in_flight(rollout) > 0)
        return false;
    if (rollout_state_is_ended(rollout->state) || remaining == 0)
        return true;
    return rollout->share_pct < 100 && rollout->state == ROLLOUT_RUNNING && is_quiet(api, rollout);
}

/* Its place in the table is its number less one. */
static void stage_put(struct json_writer *writer, const struct plan_stage *stage, int64_t number, const struct rollout_counts *counts)
{
    json_open_object(writer, NULL);
    json_put_i64(writer, "stage", number);
    json_put_text(writer, "name", stage->name);
    if (counts != NULL) {
        json_put_i64(writer, "opened", counts->opened);
        json_put_i64(writer, "in_flight", rollout_counts_in_flight(counts));
        json_put_i64(writer, "settled", rollout_counts_settled(counts));
        json_put_i64(writer, "failed", rollout_counts_failed(counts));
        states_put(writer, counts);
    }
    json_close_object(writer);
}

void api_put_stages(struct json_writer *writer, const struct rollout *rollout, const struct rollout_counts *counts, size_t count)
{
    json_open_array(writer, "stages");
    for (unsigned i = 0; i < rollout->plan->stage_count; i++)
        stage_put(writer, &rollout->plan->stages[i], (int64_t)i + 1, i < count ? &counts[i] : NULL);
    json_close_array(writer);
    buffer_add_text(writer->buffer, ",\"plan\":");
    plan_write(rollout->plan, writer->buffer);   /* writes a whole object of its own */
}

void api_put_proposal(struct json_writer *writer, const struct rollout *rollout, const struct proposal *proposal, struct plan *plan)
{
    json_put_i64(writer, "number", proposal->number);
    json_put_text(writer, "order", proposal_order_name(proposal->on));
    json_put_text(writer, "who", proposal->who);
    json_put_text(writer, "why", proposal->why);
    json_put_i64(writer, "at_ms", proposal->at_ms);
    json_put_i64(writer, "expires_ms", proposal->expires_ms);
    json_put_i64(writer, "revision", proposal->revision);
    json_put_bool(writer, "stands", proposal_stands(proposal, rollout, clock_unix_ms()));
    json_put_i64(writer, "needed", proposal->needed);
    json_put_i64(writer, "approvals", proposal->approvals);
    approvers_put(writer, proposal->approvers);
    if (plan == NULL || rollout->plan == NULL)
        return;
    struct plan_change change;
    api_plan_change_init(&change, rollout, plan, proposal->who);
    buffer_add_format(writer->buffer, ",\"before\":%s,\"after\":%s", api_plan_change_before(&change), api_plan_change_after(&change));
    api_plan_change_done(&change);
}

void api_put_rollout(struct json_writer *writer, struct api *api, const struct rollout *rollout, const struct model_summary *model)
{
    int64_t on_target = 0, beyond = 0;
    plan_put(writer, rollout);
    position_put(writer, rollout);
    again_put(writer, rollout);
    counts_put(writer, rollout);
    if (model == NULL)
        return;
    versions_count(model, rollout->version, &on_target, &beyond);
    int64_t remaining = model->devices - on_target - beyond - left_behind(rollout);
    if (remaining < 0)
        remaining = 0;   /* some were left behind and run the target now, by another way */
    json_put_i64(writer, "devices", model->devices);
    json_put_i64(writer, "on_target", on_target);
    json_put_i64(writer, "remaining", remaining);
    json_put_bool(writer, "settled", is_settled(api, rollout, remaining));
}
