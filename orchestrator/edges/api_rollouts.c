/* Rollouts: list and show. */
#include <stdlib.h>
#include <string.h>

#include "orchestrator/edges/api_inside.h"

static void rollout_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
static void rollouts_listed(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);

/* --- show and list --- */

void api_rollout_show(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_rollout(api->config.store, call->params[0], rollout_read, ask);
}

static void rollout_read(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    if (error == DROVER_OK && count == 1)
        api_rollout_answer(ask, 200, rollouts);
    else
        api_rollout_error(ask, error == DROVER_OK ? DROVER_NOT_FOUND : error, "rollout");
}

void api_rollout_list(struct api *api, struct http_call *call)
{
    const char *state = http_call_query(call, "state"), *id = NULL;
    enum rollout_state known;
    int64_t limit;
    if (!api_id_read(call, "model", &id) || !api_id_read(call, "cursor", &id) || !api_limit_read(call, &limit))
        return;
    if (state != NULL && !rollout_state_read(state, &known)) {
        http_call_problem(call, 400, "state", "not a state of rollouts");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_rollouts(api->config.store, ROLLOUTS_ALL, rollouts_listed, ask);
}

static bool is_wanted(const struct http_call *call, const struct rollout *rollout)
{
    const char *model = http_call_query(call, "model"), *state = http_call_query(call, "state");
    return (model == NULL || strcmp(model, rollout->model) == 0) &&
           (state == NULL || strcmp(state, rollout_state_name(rollout->state)) == 0);
}

/* The page: wanted rollouts after the cursor's, at most limit. The cursor is the id of the last one shown. */
static void rollouts_listed(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count)
{
    struct api_ask *ask = arg;
    const char *cursor = http_call_query(ask->call, "cursor"), *limit_text = http_call_query(ask->call, "limit");
    int64_t limit = API_LIMIT_DEFAULT;
    size_t taken = 0, i = 0;
    struct rollout *page = error == DROVER_OK ? calloc(count > 0 ? count : 1, sizeof *page) : NULL;
    if (page == NULL) {
        api_rollout_error(ask, error == DROVER_OK ? DROVER_MEMORY : error, "rollouts");
        return;
    }
    if (limit_text != NULL)
        (void)text_to_i64(limit_text, strlen(limit_text), 1, API_LIMIT_MAX, &limit);   /* checked before */
    while (cursor != NULL && cursor[0] != '\0' && i < count && strcmp(rollouts[i++].id, cursor) != 0)
        ;
    for (; i < count && taken < (size_t)limit; i++)
        if (is_wanted(ask->call, &rollouts[i]))
            page[taken++] = rollouts[i];
    api_rollouts_answer(ask, page, taken, i < count && taken > 0 ? page[taken - 1].id : "");
    free(page);
}
