/* The requests on their way: sent ones in the order of their answers, and ended ones whose callback has still to come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/edges/redis_link.h"

struct redis_request {
    struct redis_request *next;
    redis_replied *replied;     /* NULL once it was called: the answer is thrown away */
    void *arg;
    int64_t sent_us;            /* monotonic */
    int64_t deadline_us;        /* monotonic */
    size_t bytes;
    unsigned before;            /* answers to throw away before its own: those to the other commands of its transaction */
    enum drover_error error;    /* of an ended one, or of a command of its transaction */
    const char *text;           /* of an ended one; static */
};

struct redis_queue {
    struct redis_request *first, **last;
    size_t count, bytes;
};

void redis_queue_init(struct redis_queue *queue);
void redis_queue_push(struct redis_queue *queue, struct redis_request *request);
struct redis_request *redis_queue_pop(struct redis_queue *queue);     /* NULL when it is empty */
/* Moves everything from one to the end of the other, marked with how it ended. */
void redis_queue_end_all(struct redis_queue *from, struct redis_queue *to, enum drover_error error, const char *text);
/* Frees everything without a callback. */
void redis_queue_discard(struct redis_queue *queue);
/* Ends sent requests whose own deadline has passed: a copy with the callback goes to `to`, the request stays to swallow its answer.
 * Returns how many. */
size_t redis_queue_expire(struct redis_queue *queue, struct redis_queue *to, int64_t now_us);
