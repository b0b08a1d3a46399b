/* First in, first out; see redis_queue.h. */
#include "orchestrator/edges/redis_queue.h"

#include "orchestrator/edges/must_alloc.h"

void redis_queue_init(struct redis_queue *queue)
{
    *queue = (struct redis_queue){.last = &queue->first};
}

void redis_queue_push(struct redis_queue *queue, struct redis_request *request)
{
    request->next = NULL;
    *queue->last = request;
    queue->last = &request->next;
    queue->count++;
    queue->bytes += request->bytes;
}

struct redis_request *redis_queue_pop(struct redis_queue *queue)
{
    struct redis_request *request = queue->first;
    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->count--;
    queue->bytes -= request->bytes;
    return request;
}

void redis_queue_end_all(struct redis_queue *from, struct redis_queue *to, enum drover_error error, const char *text)
{
    for (struct redis_request *request; (request = redis_queue_pop(from));) {
        if (!request->replied) {
            free(request);
            continue;
        }
        request->error = error;
        request->text = text;
        redis_queue_push(to, request);
    }
}

void redis_queue_discard(struct redis_queue *queue)
{
    for (struct redis_request *request; (request = redis_queue_pop(queue));)
        free(request);
}

size_t redis_queue_expire(struct redis_queue *queue, struct redis_queue *to, int64_t now_us)
{
    size_t expired = 0;
    for (struct redis_request *request = queue->first; request; request = request->next) {
        if (!request->replied || request->deadline_us > now_us)
            continue;
        struct redis_request *ended = must_copy(request, sizeof *request);
        ended->error = DROVER_UNAVAILABLE;
        ended->text = "no answer in time";
        ended->bytes = 0;
        redis_queue_push(to, ended);
        request->replied = NULL;
        expired++;
    }
    return expired;
}
