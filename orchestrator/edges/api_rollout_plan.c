/* A rollout's plan: shown as it was validated, and edited while the rollout goes on. What has been decided by it stays: whose it is,
 * and whom the stages that are passed have taken. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "orchestrator/core/proposal.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/plan_diff.h"

#define PLAN_DIFF_BYTES 4096   /* of an entry of the audit, before and after each */

static void plan_shown(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
static void plan_loaded(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
static void plan_saved(void *arg, enum drover_error error, const struct rollout *rollout);

static bool plan_found(struct api_ask *ask, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    if (error != DROVER_OK || count != 1) {
        api_rollout_error(ask, error == DROVER_OK ? DROVER_NOT_FOUND : error, "rollout");
        return false;
    }
    if (rollouts->plan != NULL)
        return true;
    http_call_problem(ask->call, 409, NULL, "this rollout was started without stages; it has no plan");
    api_ask_end(ask);
    return false;
}

/* --- show --- */

void api_rollout_plan(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_rollout(api->config.store, call->params[0], plan_shown, ask);
}

static void plan_shown(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    if (!plan_found(ask, error, rollouts, count))
        return;
    api_rollout_etag(ask->call, rollouts);
    plan_write(rollouts->plan, &ask->call->answer);
    api_ask_send(ask, 200);
}

/* --- edit --- */

/* What the ask carries from the move on: the new plan, held. */
struct plan_edit {
    struct plan *plan;
    struct rollout before;      /* while the new plan's permit is proved; holds its plan */
};

void api_rollout_edit(struct api *api, struct http_call *call)
{
    int64_t revision;
    if (!http_call_query_i64(call, "revision", 1, INT64_MAX, 0, &revision))
        return;
    if (call->expected_revision == 0)
        call->expected_revision = revision;
    if (call->expected_revision == 0) {
        http_call_problem(call, 428, "If-Match", "is required: the ETag of the rollout whose plan was edited (or its revision in the query)");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct plan_edit));
    if (ask != NULL)
        store_rollout(api->config.store, call->params[0], plan_loaded, ask);
}

/* Notes that a member is not what it was. */
static void must_stay(struct plan_problems *problems, const char *where, const char *format, ...) PRINTF_LIKE(3, 4);
static void must_stay(struct plan_problems *problems, const char *where, const char *format, ...)
{
    struct plan_problem *problem = &problems->items[problems->count++];
    va_list arguments;
    (void)text_copy(problem->where, sizeof problem->where, where);
    va_start(arguments, format);
    vsnprintf(problem->what, sizeof problem->what, format, arguments);
    va_end(arguments);
}

static void stages_compare(const struct rollout *rollout, const struct plan *plan, struct plan_problems *problems)
{
    const struct plan *was = rollout->plan;
    for (unsigned i = 0; i < was->stage_count && (int64_t)i + 1 < rollout->stage; i++) {
        char where[32];
        snprintf(where, sizeof where, "/stages/%u", i);
        if (i >= plan->stage_count || !plan_stage_takes_same(&was->stages[i], &plan->stages[i]))
            must_stay(problems, where, "stage '%s' is passed; whom it takes cannot change", was->stages[i].name);
    }
    if ((int64_t)plan->stage_count < rollout->stage)
        must_stay(problems, "/stages", "the rollout is in stage '%s', which would be gone", was->stages[rollout->stage - 1].name);
}

static void plans_compare(const struct rollout *rollout, const struct plan *plan, struct plan_problems *problems)
{
    *problems = (struct plan_problems){0};
    if (plan->id[0] != '\0' && strcmp(plan->id, rollout->id) != 0)
        must_stay(problems, "/id", "cannot change: it is %s", rollout->id);
    if (strcmp(plan->model, rollout->model) != 0)
        must_stay(problems, "/model", "cannot change: it is %s", rollout->model);
    if (strcmp(plan->version, rollout->version) != 0)
        must_stay(problems, "/version", "cannot change: it is %s", rollout->version);
    stages_compare(rollout, plan, problems);
}

/* Whoever approved has approved another plan. */
void api_plan_change_init(struct plan_change *change, const struct rollout *rollout, struct plan *plan, const char *author)
{
    int64_t now_ms = clock_unix_ms();
    change->next = *rollout;
    change->next.plan = plan;
    change->next.plan_revision++;
    change->next.approvals = 0;
    memset(change->next.approvers, 0, sizeof change->next.approvers);
    (void)text_copy(change->next.author, sizeof change->next.author, author);
    rollout_enter_stage(&change->next, rollout->stage, now_ms);
    change->change = (struct rollout_change){.id = change->next.id, .on = ROLLOUT_EVENT_EDIT, .to = rollout->state, .expected_revision = rollout->revision,
                                             .at_ms = now_ms, .next = &change->next, .edited = plan};
    buffer_init(&change->before, PLAN_DIFF_BYTES);
    buffer_init(&change->after, PLAN_DIFF_BYTES);
    plan_diff(rollout->plan, plan, &change->before, &change->after);
}

void api_plan_change_done(struct plan_change *change)
{
    buffer_done(&change->before);
    buffer_done(&change->after);
}

const char *api_plan_change_before(const struct plan_change *change)
{
    return change->before.failed ? "{}" : change->before.bytes;
}

const char *api_plan_change_after(const struct plan_change *change)
{
    return change->after.failed ? "{}" : change->after.bytes;
}

static void plan_save(struct api_ask *ask, const struct rollout *rollout)
{
    struct plan_change change;
    api_plan_change_init(&change, rollout, ((struct plan_edit *)ask->extra)->plan, ask->call->who.subject);
    change.change.why = api_who(ask->call);
    change.change.actor = api_actor_change(ask->call, api_plan_change_before(&change), api_plan_change_after(&change), NULL);
    store_rollout_move(ask->api->config.store, &change.change, plan_saved, ask);
    api_plan_change_done(&change);
}

/* It stands beside the plan in force. */
static void plan_propose(struct api_ask *ask, struct rollout *rollout)
{
    struct plan *plan = ((struct plan_edit *)ask->extra)->plan;
    api_propose(ask, rollout, ROLLOUT_EVENT_EDIT, plan, api_who(ask->call));
    plan_drop(plan);
    rollout_drop(rollout);
}

static void revision_refuse(struct api_ask *ask)
{
    http_call_problem(ask->call, 412, "If-Match", "the rollout has changed meanwhile; read it again");
    api_ask_end(ask);
}

/* NULL: answered. */
static struct plan *edited_read(struct api_ask *ask, const struct rollout *rollout)
{
    struct plan_problems problems;
    struct plan *plan = api_plan_read(ask->api, ask->call);
    if (plan == NULL)
        return NULL;
    if (!api_approvals_suffice(ask->api, ask->call, plan->approvals, plan->approvals > 0 || rollout->state == ROLLOUT_AWAITING_APPROVAL)) {
        plan_drop(plan);
        return NULL;
    }
    plans_compare(rollout, plan, &problems);
    if (problems.count == 0)
        return plan;
    plan_drop(plan);
    api_plan_problems(ask->call, &problems);
    return NULL;
}

static void permit_checked(struct api_ask *ask, bool good)
{
    struct plan_edit *edit = ask->extra;
    struct rollout before = edit->before;
    if (good && !ask->api->closed && proposal_is_needed(&before, ROLLOUT_EVENT_EDIT)) {
        plan_propose(ask, &before);
        return;
    }
    if (good && !ask->api->closed) {
        plan_save(ask, &before);
        rollout_drop(&before);
        return;
    }
    rollout_drop(&before);
    plan_drop(edit->plan);
    if (good)
        api_ask_error(ask, DROVER_UNAVAILABLE, "the plan was not saved");
    else
        api_ask_end(ask);
}

static void plan_loaded(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    struct plan_edit *edit = ask->extra;
    enum rollout_state to;
    if (!plan_found(ask, error, rollouts, count))
        return;
    if (rollouts->revision != ask->call->expected_revision) {
        revision_refuse(ask);
        return;
    }
    if (!rollout_move_find(rollouts->state, ROLLOUT_EVENT_EDIT, &to)) {
        http_call_problem(ask->call, 409, NULL, "the plan of a rollout that is %s cannot be edited", rollout_state_name(rollouts->state));
        api_ask_end(ask);
        return;
    }
    edit->plan = edited_read(ask, rollouts);
    if (edit->plan == NULL) {
        api_ask_end(ask);
        return;
    }
    memcpy(edit->plan->id, rollouts->id, sizeof rollouts->id);   /* nobody else holds it yet */
    bool same = strcmp(edit->plan->rollback.permit, rollouts->plan->rollback.permit) == 0;
    rollout_keep(&edit->before, rollouts);
    api_permit_check(ask, rollouts, same ? "" : edit->plan->rollback.permit, permit_checked);
}

static void plan_saved(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct api_ask *ask = arg;
    struct rollout saved = {.plan = ((struct plan_edit *)ask->extra)->plan};
    if (error == DROVER_OK) {
        struct plan *plan = saved.plan;
        saved = *rollout;
        saved.plan = plan;
        api_rollout_changed(ask, &saved);
        api_rollout_answer(ask, 200, &saved);
    } else if (error == DROVER_CONFLICT) {
        revision_refuse(ask);
    } else {
        api_rollout_error(ask, error, "rollout");
    }
    rollout_drop(&saved);
}
