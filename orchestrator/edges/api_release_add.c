/* A new release: its packages are verified by a worker, and only what they prove to be is written down. The body was read by the HTTP
 * thread (http_release.c). Nobody waits while a worker reads a gigabyte: the answer is 202 until it has, the same request asks again. */
#include "orchestrator/core/release_want.h"
#include "orchestrator/edges/api_inside.h"
#include "orchestrator/edges/release_proofs.h"

#define AGAIN_S 1

static void older_ones_read(void *arg, enum drover_error error, const struct release *releases, size_t count);
static void release_added(void *arg, enum drover_error error, const struct release *release, bool created);

/* --- 1 what the packages are --- */

static void verifying(struct http_call *call, const struct release *release)
{
    struct json_writer writer;
    json_begin(&writer, &call->answer);
    json_put_text(&writer, "state", "verifying");
    json_put_text(&writer, "sha256", release->sha256);
    json_end(&writer);
    call->retry_after_s = AGAIN_S;
    http_call_send(call, 202);
}

static void refused(struct http_call *call, enum error_code code, const struct problem *problem)
{
    struct json_writer writer;
    char detail[sizeof problem->where + sizeof problem->what + 2];
    snprintf(detail, sizeof detail, "%s: %s", problem->where, problem->what);
    http_call_open_problem(call, &writer, 422, problem->where, detail);
    json_put_text(&writer, "code", error_code_name(code));
    json_end(&writer);
    http_call_send(call, 422);
}

/* True: known and good, and *release is filled in. Otherwise the call is answered. */
static bool proved(struct api *api, struct http_call *call, struct release *release)
{
    struct proofs *proofs = api->config.proofs;
    struct problem problem = {0};
    if (!proofs_have_trust(proofs)) {
        http_call_problem(call, 503, "release.trust", "no trust store is configured: nothing can be verified, so nothing is released");
        return false;
    }
    switch (proofs_ask_all(proofs, release)) {
    case PROOF_UNDER_WAY:
        verifying(call, release);
        return false;
    case PROOF_FULL:
        call->retry_after_s = AGAIN_S;
        http_call_problem(call, 503, NULL, "too many packages wait to be verified");
        return false;
    case PROOF_KNOWN:
        break;
    }
    enum error_code code = proofs_fill(proofs, release, &problem);
    if (code != E_NONE)
        refused(call, code, &problem);
    return code == E_NONE;
}

void api_release_add(struct api *api, struct http_call *call)
{
    struct release *release = call->prepared;
    if (!proved(api, call, release))
        return;
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_releases(api->config.store, release->model, older_ones_read, ask);
}

/* --- 2 which deltas it is worth, and into Redis --- */

static void older_ones_read(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct api_ask *ask = arg;
    struct release *release = ask->call->prepared;
    if (error != DROVER_OK || ask->api->closed) {
        api_ask_error(ask, error != DROVER_OK ? error : DROVER_UNAVAILABLE, "the release was not added");
        return;
    }
    release_want_deltas(release, releases, count, (unsigned)*ask->api->config.delta_from);
    store_release_add(ask->api->config.store, release, release_added, ask);
}

static void release_added(void *arg, enum drover_error error, const struct release *release, bool created)
{
    struct api_ask *ask = arg;
    if (error == DROVER_OK) {
        if (created && !ask->api->closed)
            ask->api->config.released(ask->api->config.arg);
        api_release_answer(ask, created ? 201 : 200, release);
    } else if (error == DROVER_CONFLICT) {
        http_call_problem(ask->call, 409, NULL, "this release exists with other content");
        api_ask_end(ask);
    } else {
        api_ask_error(ask, error, "the release was not added");
    }
}
