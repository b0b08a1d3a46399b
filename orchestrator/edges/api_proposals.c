/* Orders for approved rollouts that wait for another person: made, shown, approved, rejected (core/proposal.h). Whoever decides names the proposal that he
 * has looked at by its ETag; the last approval is the move itself, saved only if neither the rollout nor the proposal has changed. */
#include "orchestrator/core/proposal.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/store_proposals.h"

static void proposed(void *arg, enum drover_error error);                                                                        /* made              */
static void proposal_read(void *arg, enum drover_error error, const struct proposal *proposal, struct plan *plan);               /* 1 of a decision   */
static void rollout_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);                      /* 2                 */
static void permit_checked(struct api_ask *ask, bool good);                                                                      /* 3 of an edit      */
static void carried_out(void *arg, enum drover_error error, const struct rollout *rollout);                                      /* 4 the last one    */
static void decided(void *arg, enum drover_error error);                                                                         /* 4 any other       */
static void rollout_shown(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);                     /* 5 the answer      */

enum decision { SHOW, APPROVE, REJECT };

struct deciding {
    enum decision what;
    int status;                  /* of the answer with the rollout */
    struct proposal proposal;
    struct plan *plan;           /* of an edit, held */
    struct rollout rollout;      /* as it is, once read; holds its plan */
    char why[WHY_SIZE];
};

static void deciding_end(struct api_ask *ask)
{
    struct deciding *deciding = ask->extra;
    plan_drop(deciding->plan);
    deciding->plan = NULL;
    rollout_drop(&deciding->rollout);
}

static void refuse(struct api_ask *ask, int status, const char *where, const char *detail)
{
    deciding_end(ask);
    http_call_problem(ask->call, status, where, "%s", detail);
    api_ask_end(ask);
}

/* The rollout as it stands after this. */
static void show_rollout(struct api_ask *ask, int status)
{
    ((struct deciding *)ask->extra)->status = status;
    store_rollout(ask->api->config.store, ask->call->params[0], rollout_shown, ask);
}

/* --- made --- */

/* The words of the audit are copied by the call to the store. */
static void propose_edit(struct api_ask *ask, const struct rollout *rollout, const struct proposal *proposal, struct plan *plan)
{
    struct plan_change change;
    api_plan_change_init(&change, rollout, plan, proposal->who);
    store_propose(ask->api->config.store, rollout->id, proposal, plan,
                  api_actor_change(ask->call, api_plan_change_before(&change), api_plan_change_after(&change), NULL), proposed, ask);
    api_plan_change_done(&change);
}

void api_propose(struct api_ask *before, const struct rollout *rollout, enum rollout_event on, struct plan *plan, const char *why)
{
    if (before->call->who.subject[0] == '\0') {
        http_call_problem(before->call, 403, NULL, "what waits for another person needs a name: a token of auth.keys_file, not the one of api.token_file");
        api_ask_end(before);
        return;
    }
    int64_t now_ms = clock_unix_ms();
    struct proposal proposal = {.on = on, .revision = rollout->revision, .at_ms = now_ms, .expires_ms = now_ms + *before->api->config.proposal_ms,
                                .needed = proposal_needs(rollout, plan)};
    (void)text_copy(proposal.who, sizeof proposal.who, before->call->who.subject);
    (void)text_copy(proposal.why, sizeof proposal.why, why);
    struct api_ask *ask = api_ask_new(before->api, before->call, sizeof(struct deciding));
    api_ask_end(before);   /* `why` may be its */
    if (ask == NULL)
        return;
    if (plan != NULL)
        propose_edit(ask, rollout, &proposal, plan);
    else
        store_propose(ask->api->config.store, rollout->id, &proposal, NULL, api_actor(ask->call), proposed, ask);
}

static void proposed(void *arg, enum drover_error error)
{
    struct api_ask *ask = arg;
    if (error == DROVER_DUPLICATE) {
        refuse(ask, 409, NULL, "another person's proposal waits for approval: it must be rejected or approved first");
    } else if (error == DROVER_CONFLICT) {
        refuse(ask, ask->call->expected_revision > 0 ? 412 : 409, "If-Match", "the rollout has changed meanwhile; read it again");
    } else if (error != DROVER_OK) {
        api_rollout_error(ask, error, "rollout");
    } else {
        api_change_audited(ask->call);
        log_event(LOG_INFO, "rollout_proposed", LOG_TEXT("rollout", ask->call->params[0]), LOG_TEXT("order", ask->call->route->name), LOG_TEXT("by", ask->call->who.subject));
        show_rollout(ask, 202);
    }
}

static void rollout_shown(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    if (error != DROVER_OK || count != 1)
        api_rollout_error(ask, error != DROVER_OK ? error : DROVER_NOT_FOUND, "rollout");
    else
        api_rollout_answer(ask, ((struct deciding *)ask->extra)->status, rollouts);
}

/* --- looked at, decided --- */

static void begin(struct api *api, struct http_call *call, enum decision what)
{
    char why[WHY_SIZE] = "";
    if (what != SHOW && !api_reason_read(call, why))
        return;
    if (what != SHOW && call->expected_revision == 0) {
        http_call_problem(call, 428, "If-Match", "is required: the ETag of the proposal that was looked at");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct deciding));
    if (ask == NULL)
        return;
    struct deciding *deciding = ask->extra;
    deciding->what = what;
    memcpy(deciding->why, why, sizeof why);
    store_proposal(api->config.store, call->params[0], proposal_read, ask);
}

void api_proposal_show(struct api *api, struct http_call *call)
{
    begin(api, call, SHOW);
}

void api_proposal_approve(struct api *api, struct http_call *call)
{
    begin(api, call, APPROVE);
}

void api_proposal_reject(struct api *api, struct http_call *call)
{
    begin(api, call, REJECT);
}

static void proposal_read(void *arg, enum drover_error error, const struct proposal *proposal, struct plan *plan)
{
    struct api_ask *ask = arg;
    struct deciding *deciding = ask->extra;
    if (error != DROVER_OK || ask->api->closed) {
        api_ask_error(ask, error != DROVER_OK ? error : DROVER_UNAVAILABLE, "proposal");
    } else if (deciding->what != SHOW && proposal->number != ask->call->expected_revision) {
        bool none = proposal->number == 0;
        refuse(ask, none ? 404 : 412, none ? NULL : "If-Match", none ? "nothing waits for approval" : "another proposal waits now; look at it first");
    } else {
        deciding->proposal = *proposal;
        deciding->plan = plan_hold(plan);
        store_rollout(ask->api->config.store, ask->call->params[0], rollout_read, ask);
    }
}

static void show(struct api_ask *ask)
{
    struct deciding *deciding = ask->extra;
    struct json_writer writer;
    snprintf(ask->call->etag, sizeof ask->call->etag, "\"%lld\"", (long long)deciding->proposal.number);
    ask->call->etag_for_changes = true;
    json_begin(&writer, &ask->call->answer);
    api_put_proposal(&writer, &deciding->rollout, &deciding->proposal, deciding->plan);
    if (deciding->plan != NULL) {
        buffer_add_text(writer.buffer, ",\"plan\":");
        plan_write(deciding->plan, writer.buffer);
    }
    json_end(&writer);
    deciding_end(ask);
    api_ask_send(ask, 200);
}

/* An approval that is not the last, or a rejection. */
static void decide(struct api_ask *ask)
{
    const struct deciding *deciding = ask->extra;
    const struct proposal_decision decision = {
        .rollout_id = deciding->rollout.id, .proposal = &deciding->proposal, .endorse = deciding->what == APPROVE, .who = ask->call->who.subject,
        .why = deciding->why, .at_ms = clock_unix_ms(), .actor = api_actor(ask->call)};
    store_proposal_decide(ask->api->config.store, &decision, decided, ask);
}

static void decided(void *arg, enum drover_error error)
{
    struct api_ask *ask = arg;
    if (error == DROVER_NOT_FOUND) {
        refuse(ask, 404, NULL, "nothing waits for approval any more");
    } else if (error == DROVER_CONFLICT) {
        refuse(ask, 412, "If-Match", "the proposal has changed meanwhile; look at it again");
    } else if (error != DROVER_OK) {
        deciding_end(ask);
        api_ask_error(ask, error, "proposal");
    } else {
        deciding_end(ask);
        api_change_audited(ask->call);
        show_rollout(ask, 200);
    }
}

/* --- the last approval --- */

static void carry_out(struct api_ask *ask, struct rollout_change *change, const char *before, const char *after)
{
    struct deciding *deciding = ask->extra;
    char said[3 * ID_SIZE], why[WHY_SIZE];
    snprintf(said, sizeof said, "proposal %lld of %s: %s", (long long)deciding->proposal.number, deciding->proposal.who, proposal_order_name(deciding->proposal.on));
    api_why_join(deciding->proposal.why, "; approved by ", deciding->why, why);
    change->why = why;
    change->proposal = &deciding->proposal;
    change->actor = api_actor_change(ask->call, before, after, said);
    store_rollout_move(ask->api->config.store, change, carried_out, ask);
}

/* Who approved it stands in the rollout from then on. */
static void edit_carry_out(struct api_ask *ask)
{
    struct deciding *deciding = ask->extra;
    const struct proposal *proposal = &deciding->proposal;
    struct plan_change change;
    api_plan_change_init(&change, &deciding->rollout, deciding->plan, proposal->who);
    memcpy(change.next.approvers, proposal->approvers, sizeof change.next.approvers);
    change.next.approvals = proposal->approvals + 1;
    if (proposal->approvals < ROLLOUT_APPROVERS_MAX)
        (void)text_copy(change.next.approvers[proposal->approvals], ID_SIZE, ask->call->who.subject);
    carry_out(ask, &change.change, api_plan_change_before(&change), api_plan_change_after(&change));
    api_plan_change_done(&change);
}

static void order_carry_out(struct api_ask *ask)
{
    struct deciding *deciding = ask->extra;
    struct rollout rollout = deciding->rollout, next;
    struct rollout_change change;
    deciding->rollout.plan = NULL;   /* whoever refuses ends the ask */
    if (api_order_prepare(ask, &rollout, deciding->proposal.on, &change, &next))
        carry_out(ask, &change, NULL, NULL);
    rollout_drop(&rollout);
}

static void permit_checked(struct api_ask *ask, bool good)
{
    if (good && !ask->api->closed) {
        edit_carry_out(ask);
    } else if (good) {
        refuse(ask, 503, NULL, "droverd ends");
    } else {
        deciding_end(ask);
        api_ask_end(ask);
    }
}

static void approve(struct api_ask *ask)
{
    struct deciding *deciding = ask->extra;
    const struct proposal *proposal = &deciding->proposal;
    const struct rollout *rollout = &deciding->rollout;
    bool last = false;
    const char *refusal = proposal_approve(proposal, rollout, ask->call->who.subject, clock_unix_ms(), &last);
    if (refusal != NULL)
        refuse(ask, proposal_stands(proposal, rollout, clock_unix_ms()) ? 403 : 409, NULL, refusal);
    else if (!last)
        decide(ask);
    else if (proposal->on != ROLLOUT_EVENT_EDIT)
        order_carry_out(ask);
    else if (deciding->plan == NULL)
        refuse(ask, 409, NULL, "its plan cannot be read; it must be proposed again");
    else
        api_permit_check(ask, rollout, strcmp(deciding->plan->rollback.permit, rollout->plan->rollback.permit) == 0 ? "" : deciding->plan->rollback.permit, permit_checked);
}

static void rollout_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    struct deciding *deciding = ask->extra;
    if (error != DROVER_OK || count != 1 || ask->api->closed) {
        deciding_end(ask);
        api_rollout_error(ask, error != DROVER_OK ? error : count != 1 ? DROVER_NOT_FOUND : DROVER_UNAVAILABLE, "rollout");
        return;
    }
    rollout_keep(&deciding->rollout, rollouts);
    if (deciding->proposal.number == 0)
        refuse(ask, 404, NULL, "nothing waits for approval");
    else if (deciding->what == SHOW)
        show(ask);
    else if (deciding->what == REJECT)
        decide(ask);
    else
        approve(ask);
}

static void carried_out(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct api_ask *ask = arg;
    if (error == DROVER_CONFLICT) {
        refuse(ask, 412, "If-Match", "the rollout or the proposal has changed meanwhile; look at it again");
        return;
    }
    deciding_end(ask);
    if (error != DROVER_OK) {
        api_rollout_error(ask, error, "rollout");
        return;
    }
    api_rollout_changed(ask, rollout);
    show_rollout(ask, 200);
}
