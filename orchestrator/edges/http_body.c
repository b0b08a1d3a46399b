/* See http_body.h. */
#include "orchestrator/edges/http_body.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "common/semver.h"
#include "orchestrator/edges/http_call.h"

enum drover_error http_body_read(const struct http_call *call, struct cJSON **ret_object, struct problem *ret_problem)
{
    *ret_object = NULL;
    if (call->body_length == 0)
        return json_parse("{}", 2, &json_api_limits, ret_object, ret_problem);
    return json_parse(call->body, call->body_length, &json_api_limits, ret_object, ret_problem);
}

static bool is_among(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

enum drover_error http_body_known(const struct cJSON *object, const char *const *names, struct problem *ret_problem)
{
    const cJSON *member = NULL;
    char shown[40];
    cJSON_ArrayForEach(member, object)
        if (!is_among(member->string, names))
            return problem_set(ret_problem, DROVER_UNKNOWN, text_excerpt(shown, sizeof shown, member->string, strlen(member->string)),
                               "no such member");
    return DROVER_OK;
}

enum drover_error http_body_version(const char *text, const char *where, char *ret, struct problem *ret_problem)
{
    struct problem inner = {0};
    enum drover_error error = semver_read(text, strlen(text), ret, &inner);
    return error == DROVER_OK ? error : problem_set(ret_problem, error, where, "%s", inner.what);
}
