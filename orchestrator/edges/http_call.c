/* See http_call.h: the life of a call, its answers, and the queues. */
#include "orchestrator/edges/http_call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

#define ANSWER_BYTES_MAX (16u << 20)

struct http_call *http_call_new(void)
{
    struct http_call *call = calloc(1, sizeof *call);
    if (call != NULL)
        buffer_init(&call->answer, ANSWER_BYTES_MAX);
    return call;
}

void http_call_free(struct http_call *call)
{
    if (call == NULL)
        return;
    for (size_t i = 0; i < HTTP_QUERY_MAX; i++)
        free(call->query[i]);
    free(call->body);
    free(call->prepared);
    buffer_done(&call->answer);
    http_stream_drop(call->stream);
    free(call);
}

const char *http_call_query(const struct http_call *call, const char *name)
{
    int index = http_query_index(call->route, name);
    return index >= 0 ? call->query[index] : NULL;
}

bool http_call_query_i64(struct http_call *call, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret)
{
    const char *text = http_call_query(call, name);
    if (text == NULL) {
        *ret = fallback;
        return true;
    }
    if (text_to_i64(text, strlen(text), min, max, ret))
        return true;
    http_call_problem(call, 400, name, "not a whole number from %lld to %lld", (long long)min, (long long)max);
    return false;
}

const char *http_status_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {206, "Partial Content"}, {304, "Not Modified"}, {400, "Bad Request"},
        {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {409, "Conflict"}, {412, "Precondition Failed"},
        {413, "Content Too Large"}, {416, "Range Not Satisfiable"}, {422, "Unprocessable Content"}, {428, "Precondition Required"}, {429, "Too Many Requests"},
        {500, "Internal Server Error"}, {503, "Service Unavailable"}, {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

void http_call_open_problem(struct http_call *call, struct json_writer *writer, int status, const char *where, const char *what)
{
    buffer_clear(&call->answer);
    json_begin(writer, &call->answer);
    json_put_text(writer, "type", "about:blank");
    json_put_text(writer, "title", http_status_title(status));
    json_put_i64(writer, "status", status);
    json_put_text(writer, "detail", what);
    json_put_text(writer, "where", where);
    call->status = status;
    call->content_type = "application/problem+json";
}

void http_call_set_problem(struct http_call *call, int status, const char *where, const char *what)
{
    struct json_writer writer;
    http_call_open_problem(call, &writer, status, where, what);
    json_end(&writer);
}

void http_call_send(struct http_call *call, int status)
{
    call->status = status;
    if (call->content_type == NULL)
        call->content_type = "application/json";
    if (call->answer.failed)
        http_call_set_problem(call, 500, NULL, "the answer did not fit into memory");
    if (call->answered != NULL) {
        void (*answered)(void *arg, struct http_call *call) = call->answered;
        call->answered = NULL;
        answered(call->answered_arg, call);
        return;
    }
    (void)http_queue_push(call->home, call);   /* queues of answers have no limit */
}

void http_call_return(struct http_call *call)
{
    (void)http_queue_push(call->home, call);
}

void http_call_problem(struct http_call *call, int status, const char *where, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    http_call_set_problem(call, status, where, what);
    http_call_send(call, status);
}

void http_call_error(struct http_call *call, enum drover_error error, const char *what)
{
    static const struct {
        enum drover_error error;
        int status;
    } statuses[] = {
        {DROVER_NOT_FOUND, 404}, {DROVER_CONFLICT, 409}, {DROVER_REFUSED, 409}, {DROVER_DUPLICATE, 409}, {DROVER_STALE, 409},
        {DROVER_UNAVAILABLE, 503}, {DROVER_TIMEOUT, 503}, {DROVER_FULL, 503}, {DROVER_STORE, 503},
    };
    int status = 500;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].error == error)
            status = statuses[i].status;
    if (status == 503 && call->retry_after_s == 0)
        call->retry_after_s = 1 + (int)(clock_random() % 5);
    http_call_problem(call, status, NULL, "%s: %s", what, drover_error_text(error));
}

enum drover_error http_queue_init(struct http_queue *queue, unsigned limit)
{
    *queue = (struct http_queue){.limit = limit, .last = &queue->first};
    queue->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (queue->event_fd < 0)
        return DROVER_IO;
    pthread_mutex_init(&queue->lock, NULL);
    return DROVER_OK;
}

void http_queue_done(struct http_queue *queue)
{
    struct http_call *next;
    for (struct http_call *call = http_queue_take(queue); call != NULL; call = next) {
        next = call->next;
        http_call_free(call);
    }
    close(queue->event_fd);
    pthread_mutex_destroy(&queue->lock);
}

void http_queue_wake(struct http_queue *queue)
{
    uint64_t one = 1;
    while (write(queue->event_fd, &one, sizeof one) < 0 && errno == EINTR)   /* EAGAIN: the counter is not 0, so it wakes anyway */
        ;
}

bool http_queue_push(struct http_queue *queue, struct http_call *call)
{
    pthread_mutex_lock(&queue->lock);
    bool taken = queue->limit == 0 || queue->count < queue->limit;
    bool wake = taken && queue->first == NULL;
    if (taken) {
        call->next = NULL;
        *queue->last = call;
        queue->last = &call->next;
        queue->count++;
    }
    pthread_mutex_unlock(&queue->lock);
    if (wake)
        http_queue_wake(queue);
    return taken;
}

struct http_call *http_queue_take(struct http_queue *queue)
{
    uint64_t count;
    while (read(queue->event_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&queue->lock);
    struct http_call *first = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    pthread_mutex_unlock(&queue->lock);
    return first;
}
