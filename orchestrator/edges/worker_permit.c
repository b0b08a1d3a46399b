/* Permits to go back: made with the key that may sign nothing else, or read and held against the rollout that carries them. */
#include <string.h>

#include "firmware/permit.h"
#include "orchestrator/edges/worker_inside.h"

#define CLOCK_SLACK_MS 300000   /* devices' clocks differ from ours: a permit counts a little before it was made */

/* A server that was broken into must not sign packages: the key's role is the permit's alone. */
static enum error_code key_check(struct worker *worker, const struct private_key *key, struct problem *ret_problem)
{
    const struct trust_key *known = trust_find(&worker->trust, private_key_id(key));

    if (!known || !(known->roles & (1u << TRUST_PERMIT)))
        return package_refuse(ret_problem, E_SIGNATURE, "release.permit_key", "the trust store gives this key no role permit");
    if (known->roles != 1u << TRUST_PERMIT)
        return package_refuse(ret_problem, E_SIGNATURE, "release.permit_key", "the trust store gives this key other roles than permit: it is not for a server");
    return E_NONE;
}

static enum error_code make(struct worker *worker, const struct private_key *key, struct buffer *jws, struct problem *ret_problem)
{
    const struct worker_task *task = worker->task;
    const struct private_key *const keys[] = {key};
    struct permit permit = {.not_before_ms = task->now_ms - CLOCK_SLACK_MS, .expires_ms = task->expires_ms}, read;

    (void)text_copy(permit.id, sizeof permit.id, task->permit_id);
    (void)text_copy(permit.model, sizeof permit.model, task->model);
    (void)text_copy(permit.rollout, sizeof permit.rollout, task->rollout);
    (void)text_copy(permit.from_version, sizeof permit.from_version, task->version);
    (void)text_copy(permit.to_version, sizeof permit.to_version, task->to_version);
    if (permit_make(&permit, keys, 1, jws, ret_problem))
        return E_SIGNATURE;
    return permit_read(jws->bytes, jws->length, &worker->trust, task->now_ms, &read, ret_problem); /* what was made here is believed no more */
}

void worker_permit_make(struct worker *worker)
{
    struct problem problem = {0};
    struct private_key *key = NULL;
    struct buffer jws;
    enum error_code code = private_key_open(worker->task->permit_key, NULL, &key, &problem) ? E_SIGNATURE : key_check(worker, key, &problem);

    buffer_init(&jws, 0);
    if (!code)
        code = make(worker, key, &jws, &problem);
    if (!code && !text_copy_n(worker->answer->permit, sizeof worker->answer->permit, jws.bytes, jws.length))
        code = package_refuse(&problem, E_INTERNAL, "permit", "longer than %zu bytes", sizeof worker->answer->permit - 1);
    if (code)
        (void)worker_refuse(worker, code, &problem);
    private_key_free(key);
    buffer_done(&jws);
}

/* To which version it leads is for each device to see: they come from several. */
void worker_permit_check(struct worker *worker)
{
    const struct worker_task *task = worker->task;
    struct problem problem = {0};
    struct permit permit;
    enum error_code code = permit_read(task->permit, strlen(task->permit), &worker->trust, task->now_ms, &permit, &problem);

    if (!code) {
        const struct permit_use use = {.model = task->model, .from_version = task->version, .to_version = permit.to_version, .rollout = task->rollout};

        code = permit_allows(&permit, &use, &problem);
    }
    if (!code)
        worker->answer->expires_ms = permit.expires_ms;
    else
        (void)worker_refuse(worker, code, &problem);
}
