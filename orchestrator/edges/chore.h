/* One thing that droverd does again and again: a timer, at most one run at a time, jitter, backoff after failures.
 * A run starts something asynchronous and ends with exactly one chore_finish. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct event;
struct event_base;

struct chore {
    const char *name;
    int64_t interval_ms;
    void (*run)(void *arg);
    void *arg;
    struct event *timer;    /* owned */
    bool busy;              /* a run has begun and not ended */
    bool again;             /* asked for while busy */
    bool stopped;
    unsigned failed;        /* runs in a row */
    uint64_t runs, failures;
};

/* The first run comes within one interval of chore_start. DROVER_MEMORY. */
MUST_USE enum drover_error chore_init(struct chore *chore, struct event_base *base, const char *name, int64_t interval_ms,
                                      void (*run)(void *arg), void *arg);
void chore_done(struct chore *chore);           /* frees the timer; not while busy */
void chore_start(struct chore *chore);
void chore_now(struct chore *chore);            /* runs at once, or again as soon as the present run has ended */
void chore_stop(struct chore *chore);           /* no further runs; the present one ends by itself */
/* Ends a run. next_ms: when to run again; negative: after the interval, give or take a tenth. After an error the wait grows. */
void chore_finish(struct chore *chore, enum drover_error error, int64_t next_ms);
