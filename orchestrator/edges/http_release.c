/* The body of POST /api/v1/releases: {"sha256","deltas":[{"sha256"}]}, perhaps with "model", "version" and "base_version", which must then
 * be what the packages say -> struct release, with the sizes that the depot knows. Runs on the HTTP thread, because it touches files. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "orchestrator/core/release.h"
#include "orchestrator/edges/http_body.h"
#include "orchestrator/edges/http_thread.h"

/* "" when the member is absent. */
static enum drover_error version_read(const cJSON *object, const char *name, char *ret, struct problem *ret_problem)
{
    char text[VERSION_SIZE + 1] = "";
    enum drover_error error = json_get_text(object, name, false, text, sizeof text, ret_problem);
    return error == DROVER_OK && text[0] != '\0' ? http_body_version(text, name, ret, ret_problem) : error;
}

/* "sha256" of a package that is in the depot, and its size. */
static enum drover_error package_read(const struct depot *depot, const cJSON *object, char *ret_sha256, int64_t *ret_bytes,
                                      struct problem *ret_problem)
{
    enum drover_error error = json_get_text(object, "sha256", true, ret_sha256, SHA256_HEX_SIZE, ret_problem);
    if (error != DROVER_OK)
        return error;
    if (!text_is_hex(ret_sha256, strlen(ret_sha256), SHA256_HEX_SIZE - 1))
        return problem_set(ret_problem, DROVER_SYNTAX, "sha256", "not 64 lower-case hex digits");
    error = depot_size(depot, ret_sha256, ret_bytes);
    if (error == DROVER_NOT_FOUND)
        return problem_set(ret_problem, error, "sha256", "%.16s... is not in the depot: upload it first", ret_sha256);
    return error == DROVER_OK ? error : problem_set(ret_problem, error, "sha256", "the depot cannot be read");
}

static enum drover_error delta_read(const struct depot *depot, const cJSON *item, struct release *release, struct problem *ret_problem)
{
    static const char *const known[] = {"base_version", "sha256", NULL};
    if (release->delta_count == RELEASE_DELTAS_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "deltas", "more than %d", RELEASE_DELTAS_MAX);
    if (!cJSON_IsObject(item))
        return problem_set(ret_problem, DROVER_TYPE, "deltas", "not a list of objects");
    struct release_delta *delta = &release->deltas[release->delta_count++];
    enum drover_error error = http_body_known(item, known, ret_problem);
    if (error == DROVER_OK)
        error = version_read(item, "base_version", delta->base_version, ret_problem);
    return error == DROVER_OK ? package_read(depot, item, delta->sha256, &delta->size_bytes, ret_problem) : error;
}

static enum drover_error release_body_read(const struct depot *depot, const cJSON *object, struct release *release, struct problem *ret_problem)
{
    static const char *const known[] = {"model", "version", "sha256", "deltas", NULL};
    enum drover_error error = http_body_known(object, known, ret_problem);
    if (error == DROVER_OK)
        error = json_get_id(object, "model", false, release->model, ret_problem);
    if (error == DROVER_OK)
        error = version_read(object, "version", release->version, ret_problem);
    if (error == DROVER_OK)
        error = package_read(depot, object, release->sha256, &release->size_bytes, ret_problem);
    const cJSON *deltas = cJSON_GetObjectItemCaseSensitive(object, "deltas"), *item = NULL;
    if (error == DROVER_OK && deltas != NULL && !cJSON_IsArray(deltas))
        error = problem_set(ret_problem, DROVER_TYPE, "deltas", "not a list");
    if (error == DROVER_OK)
        cJSON_ArrayForEach(item, deltas)
            if (error == DROVER_OK)
                error = delta_read(depot, item, release, ret_problem);
    return error;
}

bool http_release_prepare(const struct depot *depot, struct http_call *call)
{
    struct problem problem = {0};
    cJSON *object = NULL;
    struct release *release = calloc(1, sizeof *release);
    call->prepared = release;
    if (release == NULL) {
        http_call_set_problem(call, 503, NULL, "out of memory");
        return false;
    }
    enum drover_error error = http_body_read(call, &object, &problem);
    if (error == DROVER_OK)
        error = release_body_read(depot, object, release, &problem);
    release->created_ms = clock_unix_ms();
    cJSON_Delete(object);
    if (error == DROVER_OK)
        return true;
    http_call_set_problem(call, error == DROVER_NOT_FOUND ? 404 : error == DROVER_IO ? 503 : 400, problem.where, problem.what);
    return false;
}
