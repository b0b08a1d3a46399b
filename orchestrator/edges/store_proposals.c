/* Proposals, read and written: each call one script. */
#include "orchestrator/edges/store_proposals.h"

#include <stdio.h>
#include <string.h>

#include "orchestrator/edges/store_call.h"

static void loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void decided(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- the record --- */

static const char *order_word(int value) { return proposal_order_name((enum rollout_event)value); }
static bool order_word_read(const char *text, int *ret)
{
    enum rollout_event on;
    return proposal_order_read(text, &on) && ((*ret = (int)on), true);
}
static const struct record_words order_words = {order_word, order_word_read};

#define PROPOSAL(kind, member) RECORD_MEMBER(struct proposal, kind, member)
static const struct record_field fields[] = {
    {PROPOSAL(I64, number)}, {PROPOSAL(WORD, on), .words = &order_words, .absent = -1}, {PROPOSAL(I64, revision)}, {PROPOSAL(I64, at_ms)},
    {PROPOSAL(I64, expires_ms)}, {PROPOSAL(I64, needed)}, {PROPOSAL(I64, approvals)}, {PROPOSAL(TEXT, who)}, {PROPOSAL(TEXT, why)},
    {RECORD_NAMED(struct proposal, TEXT, "approver1", approvers[0])}, {RECORD_NAMED(struct proposal, TEXT, "approver2", approvers[1])},
};
static const struct record_table proposal_record = RECORD_TABLE(fields);

void store_add_proposal(struct redis_args *args, const struct proposal *proposal)
{
    char stamp[48] = "";
    if (proposal)
        snprintf(stamp, sizeof stamp, "%lld.%lld", (long long)proposal->number, (long long)proposal->approvals);
    redis_args_add_text(args, stamp);
}

/* --- read --- */

void store_proposal(struct store *store, const char *rollout_id, store_proposal_read *done, void *arg)
{
    redis_args_add_text(store_script_begin(store, SCRIPT_PROPOSAL_LOAD), rollout_id);
    store_script_send(store, SCRIPT_PROPOSAL_LOAD, loaded, store_call_new(store, (store_callback *)done, arg));
}

static bool proposal_read(struct store *store, const struct redisReply *reply, struct proposal *ret, struct plan **ret_plan)
{
    struct plan_problems problems;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_STRING)
        return false;
    if (reply->element[0]->type == REDIS_REPLY_ARRAY && reply->element[0]->elements == 0)
        return true;
    bool is_edit = reply->element[1]->len > 0;
    return store_record_ok(store, record_read(&proposal_record, reply->element[0], ret)) &&
           (!is_edit || store_record_ok(store, plan_read(reply->element[1]->str, reply->element[1]->len, ret_plan, &problems) != DROVER_OK));
}

static void loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    struct proposal proposal = {0};
    struct plan *plan = NULL;
    (void)text;
    if (!error && !proposal_read(call->store, reply, &proposal, &plan))
        error = DROVER_STORE;
    ((store_proposal_read *)call->done)(call->arg, error, error ? NULL : &proposal, plan);
    if (plan)
        plan_drop(plan);
    free(call);
}

/* --- written --- */

void store_propose(struct store *store, const char *rollout_id, const struct proposal *proposal, const struct plan *plan, const struct actor *actor,
                   store_written *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_PROPOSAL_MAKE);
    redis_args_add_text(args, rollout_id);
    redis_args_add_i64(args, proposal->revision);
    redis_args_add_i64(args, proposal->at_ms);
    redis_args_add_i64(args, proposal->expires_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_text(args, proposal->who);
    redis_args_add_text(args, proposal_order_name(proposal->on));
    redis_args_add_text(args, proposal->why);
    store_add_plan(args, plan);
    store_add_actor(store, args, actor);
    redis_args_add_text(args, "needed");
    redis_args_add_i64(args, proposal->needed);
    store_script_send(store, SCRIPT_PROPOSAL_MAKE, decided, store_call_new(store, (store_callback *)done, arg));
}

void store_proposal_decide(struct store *store, const struct proposal_decision *decision, store_written *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_PROPOSAL_DECIDE);
    redis_args_add_text(args, decision->rollout_id);
    store_add_proposal(args, decision->proposal);
    redis_args_add_text(args, decision->endorse ? "endorse" : "reject");
    redis_args_add_text(args, decision->who);
    redis_args_add_i64(args, decision->at_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_text(args, decision->why);
    store_add_actor(store, args, decision->actor);
    store_script_send(store, SCRIPT_PROPOSAL_DECIDE, decided, store_call_new(store, (store_callback *)done, arg));
}

static void decided(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    static const struct {
        const char *word;
        enum drover_error error;
    } rows[] = {{"OK", DROVER_OK}, {"NOT_FOUND", DROVER_NOT_FOUND}, {"CONFLICT", DROVER_CONFLICT}, {"DUPLICATE", DROVER_DUPLICATE}};
    struct store_call *call = arg;
    bool known = false;
    (void)text;
    for (size_t i = 0; !error && !known && i < sizeof rows / sizeof rows[0]; i++)
        if ((known = redis_reply_is(reply, rows[i].word)))
            error = rows[i].error;
    ((store_written *)call->done)(call->arg, error || known ? error : DROVER_STORE);
    free(call);
}
