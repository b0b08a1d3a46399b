/* Answers that show rollouts: the fleet's counts are read after the rollouts, and of a single staged one the counts of each stage, and what waits for approval. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "orchestrator/core/proposal.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/store_proposals.h"

static void stages_read(void *arg, enum drover_error error, const struct rollout_counts *stages, size_t count);
static void proposal_read(void *arg, enum drover_error error, const struct proposal *proposal, struct plan *plan);
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count);

struct rollout_answer {
    struct api_ask *ask;
    int status;
    bool list;
    char next[ID_SIZE];             /* of a list */
    struct rollout_counts *stages;  /* of each stage of the one; NULL: not read */
    size_t stage_count;
    struct proposal proposal;       /* number 0: none waits */
    struct plan *proposed;          /* of an edit that waits, held */
    size_t count;
    struct rollout shown[];         /* held */
};

static void answer_end(struct rollout_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        rollout_drop(&answer->shown[i]);
    api_ask_end(answer->ask);
    plan_drop(answer->proposed);
    free(answer->stages);
    free(answer);
}

void api_rollout_error(struct api_ask *ask, enum drover_error error, const char *what)
{
    static const struct {
        enum drover_error error;
        const char *detail;
    } rows[] = {
        {DROVER_CONFLICT, "another rollout of this model runs or is paused; cancel it or supersede it"},
        {DROVER_DUPLICATE, "there is a rollout with this id"},
        {DROVER_REFUSED, "the rollout is not in a state that allows it"},
    };
    size_t i = 0;
    if (error == DROVER_CONFLICT && ask->call->expected_revision > 0) {
        http_call_problem(ask->call, 412, "If-Match", "the rollout has changed meanwhile; read it again");
        api_ask_end(ask);
        return;
    }
    while (i < sizeof rows / sizeof rows[0] && rows[i].error != error)
        i++;
    if (i < sizeof rows / sizeof rows[0])
        http_call_problem(ask->call, 409, NULL, "%s", rows[i].detail);
    else
        http_call_error(ask->call, error, what);
    api_ask_end(ask);
}

static struct rollout_answer *answer_new(struct api_ask *ask, const struct rollout *rollouts, size_t count)
{
    struct rollout_answer *answer = calloc(1, sizeof *answer + count * sizeof answer->shown[0]);
    if (answer == NULL) {
        api_rollout_error(ask, DROVER_MEMORY, "rollouts");
        return NULL;
    }
    answer->ask = ask;
    answer->count = count;
    for (size_t i = 0; i < count; i++)
        rollout_keep(&answer->shown[i], &rollouts[i]);
    return answer;
}

void api_rollout_etag(struct http_call *call, const struct rollout *rollout)
{
    snprintf(call->etag, sizeof call->etag, "\"%lld\"", (long long)rollout->revision);
    call->etag_for_changes = true;
}

void api_rollout_answer(struct api_ask *ask, int status, const struct rollout *rollout)
{
    struct rollout_answer *answer = answer_new(ask, rollout, 1);
    struct store *store = ask->api->config.store;
    if (answer == NULL)
        return;
    answer->status = status;
    api_rollout_etag(ask->call, rollout);
    if (rollout->plan != NULL)
        store_rollout_stages(store, rollout->id, rollout->plan->stage_count, stages_read, answer);
    else
        store_fleet(store, fleet_read, answer);
}

void api_rollouts_answer(struct api_ask *ask, const struct rollout *rollouts, size_t count, const char *next)
{
    struct rollout_answer *answer = answer_new(ask, rollouts, count);
    if (answer == NULL)
        return;
    answer->status = 200;
    answer->list = true;
    (void)text_copy(answer->next, sizeof answer->next, next);
    store_fleet(ask->api->config.store, fleet_read, answer);
}

/* Without them the stages are shown without counts. */
static void stages_read(void *arg, enum drover_error error, const struct rollout_counts *stages, size_t count)
{
    struct rollout_answer *answer = arg;
    answer->stages = error == DROVER_OK ? calloc(count, sizeof *stages) : NULL;
    if (answer->stages != NULL) {
        memcpy(answer->stages, stages, count * sizeof *stages);
        answer->stage_count = count;
    }
    if (answer->shown[0].plan->approvals > 0)
        store_proposal(answer->ask->api->config.store, answer->shown[0].id, proposal_read, answer);
    else
        store_fleet(answer->ask->api->config.store, fleet_read, answer);
}

static void proposal_read(void *arg, enum drover_error error, const struct proposal *proposal, struct plan *plan)
{
    struct rollout_answer *answer = arg;
    if (error == DROVER_OK) {
        answer->proposal = *proposal;
        answer->proposed = plan_hold(plan);
    }
    store_fleet(answer->ask->api->config.store, fleet_read, answer);
}

static void plan_put(struct json_writer *writer, const struct rollout_answer *answer)
{
    if (answer->proposal.number > 0) {
        json_open_object(writer, "proposal");
        api_put_proposal(writer, &answer->shown[0], &answer->proposal, answer->proposed);
        json_close_object(writer);
    }
    api_put_stages(writer, &answer->shown[0], answer->stages, answer->stage_count);
}

static const struct model_summary *model_find(const struct model_summary *models, size_t count, const char *name)
{
    static const struct model_summary none;   /* a model that no device has been seen of */
    for (size_t i = 0; i < count; i++)
        if (strcmp(models[i].model, name) == 0)
            return &models[i];
    return &none;
}

/* When the counts cannot be read, the rollout is still shown: it may just have been changed. */
static void fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count)
{
    struct rollout_answer *answer = arg;
    struct api_ask *ask = answer->ask;
    struct json_writer writer;
    (void)devices;
    (void)online;
    json_begin(&writer, &ask->call->answer);
    if (answer->list)
        json_open_array(&writer, "items");
    for (size_t i = 0; i < answer->count; i++) {
        const struct rollout *rollout = &answer->shown[i];
        if (answer->list)
            json_open_object(&writer, NULL);
        api_put_rollout(&writer, ask->api, rollout, error == DROVER_OK ? model_find(models, count, rollout->model) : NULL);
        if (answer->list)
            json_close_object(&writer);
        else if (rollout->plan != NULL)
            plan_put(&writer, answer);
    }
    if (answer->list) {
        json_close_array(&writer);
        json_put_text(&writer, "next", answer->next);
    }
    json_end(&writer);
    http_call_send(ask->call, answer->status);
    answer_end(answer);
}

/* api.token_file's token names nobody. */
void api_rollout_changed(struct api_ask *ask, const struct rollout *rollout)
{
    const char *who = ask->call->who.subject;
    api_change_audited(ask->call);
    log_event(LOG_INFO, "rollout_moved", LOG_TEXT("rollout", rollout->id), LOG_TEXT("model", rollout->model), LOG_TEXT("version", rollout->version),
              LOG_TEXT("state", rollout_state_name(rollout->state)), LOG_TEXT("by", who[0] ? who : "api.token_file"));
    if (!ask->api->closed)
        ask->api->config.changed(ask->api->config.arg, rollout->id);
}
