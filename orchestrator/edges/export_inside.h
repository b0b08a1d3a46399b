/* What export.c and export_read.c share; nobody else includes it. */
#pragma once

#include <pthread.h>

#include "orchestrator/edges/export.h"
#include "orchestrator/edges/stream_worker.h"
#include "proto/stream_entry.h"

struct exporter {
    struct exporter_config config;
    struct stream_worker *worker;            /* the owner's */
    struct stream_worker *thread;            /* the thread's own, set by each step */
    /* The batch. */
    struct export_event *events;             /* owned; batch_max of them */
    size_t count;
    struct buffer json;                      /* of all of them, each with a NUL */
    char cursor[STREAM_ID_SIZE];             /* before the batch; "": there is none yet */
    char last[STREAM_ID_SIZE];               /* id of the last entry that was read */
    bool unreadable;                         /* the entry `last` is none that can be delivered */
    char payload[256];                       /* what can be said of it */
    unsigned tries, refusals;                /* in a row */
    pthread_mutex_t mutex;
    struct exporter_counters counters;
};

/* export_read.c: the cursor and the batch behind it. All on the thread; errors with their problem. */

/* "": there is none yet. */
MUST_USE enum drover_error export_cursor_read(struct exporter *exporter, struct problem *ret_problem);
/* An exporter that is new begins at the end: whoever switches it on does not want the past. */
MUST_USE enum drover_error export_cursor_begin(struct exporter *exporter, struct problem *ret_problem);
/* dead NULL: no event of the batch is given up; else those that it marks. *ret_moved false: another instance leads, or has moved it. */
MUST_USE enum drover_error export_cursor_move(struct exporter *exporter, const char *to, const bool *dead, const char *why, bool *ret_moved,
                                              struct problem *ret_problem);
/* The next entries; `last` is "" when there are none. */
MUST_USE enum drover_error export_batch_read(struct exporter *exporter, struct problem *ret_problem);
/* The stream begins behind the cursor: what was between them is gone. Said once, before the first try with the batch behind it. */
MUST_USE enum drover_error export_gap_look(struct exporter *exporter, struct problem *ret_problem);
