/* A plan's own permit to go back is proved before the plan is taken, in a worker: that it is worth nothing is not to be found out when it is needed. */
#include <stdlib.h>
#include <string.h>

#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/worker_pool.h"

static void answered(void *arg, const struct worker_answer *answer);

#define WHERE "/rollback/permit"

struct permit_check {
    struct api_ask *ask;
    api_permit_checked *checked;
};

static void refuse(struct api_ask *ask, int status, const char *what, api_permit_checked *checked)
{
    http_call_problem(ask->call, status, WHERE, "%s", what);
    checked(ask, false);
}

void api_permit_check(struct api_ask *ask, const struct rollout *rollout, const char *permit, api_permit_checked *checked)
{
    struct worker_task task = {.job = WORKER_PERMIT_CHECK};
    if (permit[0] == '\0') {
        checked(ask, true);
        return;
    }
    struct permit_check *check = malloc(sizeof *check);
    if (check == NULL) {
        refuse(ask, 503, "out of memory", checked);
        return;
    }
    *check = (struct permit_check){ask, checked};
    (void)text_copy(task.permit, sizeof task.permit, permit);
    memcpy(task.rollout, rollout->id, sizeof task.rollout);
    memcpy(task.model, rollout->model, sizeof task.model);
    memcpy(task.version, rollout->version, sizeof task.version);
    (void)text_copy(task.data_dir, sizeof task.data_dir, ask->api->config.data_dir);
    if (!worker_pool_ask(ask->api->config.workers, &task, answered, check)) {
        free(check);
        refuse(ask, 503, "no trust store is configured, or too many wait for their proof", checked);
    }
}

static void answered(void *arg, const struct worker_answer *answer)
{
    struct permit_check check = *(struct permit_check *)arg;
    char what[192];
    free(arg);
    if (answer->code == E_NONE) {
        check.checked(check.ask, true);
        return;
    }
    snprintf(what, sizeof what, "%s: %s: %s", error_code_name(answer->code), answer->where, answer->what);
    refuse(check.ask, answer->broken ? 503 : 422, what, check.checked);
}
