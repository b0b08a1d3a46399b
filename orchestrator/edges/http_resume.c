/* The body of POST /artifacts/<sha256>/resume -> struct resume_question, which the hasher answers. Runs on the HTTP thread. See http_thread.h. */
#include <stdlib.h>

#include "common/json.h"
#include "orchestrator/edges/depot_resume.h"
#include "orchestrator/edges/http_thread.h"

/* A device that cut the package otherwise is told how to. */
static void chunks_refuse(struct http_call *call, const struct problem *problem, int64_t size_bytes)
{
    struct json_writer writer;
    http_call_open_problem(call, &writer, 409, problem->where, problem->what);
    json_put_i64(&writer, "size", size_bytes);
    json_put_i64(&writer, "chunk_bytes", depot_chunk_bytes(size_bytes));
    json_end(&writer);
}

bool http_resume_prepare(const struct depot *depot, struct http_call *call)
{
    struct problem problem = {0};
    struct resume_question *question = malloc(sizeof *question);
    int64_t size_bytes = 0;
    call->prepared = question;
    enum drover_error error = question != NULL ? depot_size(depot, call->params[0], &size_bytes) : DROVER_MEMORY;
    if (error != DROVER_OK || size_bytes == 0) {
        bool absent = error == DROVER_OK || error == DROVER_NOT_FOUND;
        http_call_set_problem(call, absent ? 404 : 503, NULL, absent ? "no such package" : "the package cannot be read now");
        return false;
    }
    error = resume_question_read(call->body_length > 0 ? call->body : "{}", call->body_length > 0 ? call->body_length : 2, size_bytes, question, &problem);
    if (error == DROVER_OK)
        return true;
    if (error == DROVER_CONFLICT)
        chunks_refuse(call, &problem, size_bytes);
    else
        http_call_set_problem(call, 400, problem.where, problem.what);
    return false;
}
