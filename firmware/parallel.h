/* Work cut into tasks and spread over a few threads, with one progress report that all of them feed. For making deltas: nothing here outlives
 * the call, and nothing is locked but the report. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "firmware/format.h"

/* The cores this process may use, at least 1. */
unsigned parallel_cores(void);
/* Runs work(arg, 0 .. tasks-1), each once, on at most `threads` threads of which the caller is one. Returns when all have ended. A thread that
 * cannot be started is done without. */
void parallel_run(unsigned threads, unsigned tasks, void (*work)(void *arg, unsigned task), void *arg);

/* How far some work is, for the person who waits. `show` is called by whichever thread has something to say, never by two at once. */
struct parallel_report {
    const struct package_progress *progress;   /* NULL: nobody looks */
    int64_t total;
    _Atomic int64_t done;
    atomic_bool stopped;                       /* show returned false: wind up */
    pthread_mutex_t lock;
};
void parallel_report_init(struct parallel_report *report, const struct package_progress *progress, int64_t total);
void parallel_report_done(struct parallel_report *report);
/* So much more is done. False: stop. */
bool parallel_report_add(struct parallel_report *report, int64_t amount);
