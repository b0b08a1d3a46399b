/* Timers of chores. A run is always started from the event loop, never from inside chore_now. */
#include "orchestrator/edges/chore.h"

#include <event2/event.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"

#define BACKOFF_CAP_MS 3000

static void chore_fired(evutil_socket_t fd, short what, void *arg)
{
    struct chore *chore = arg;

    (void)fd;
    (void)what;
    if (chore->busy || chore->stopped)
        return;
    chore->busy = true;
    chore->again = false;
    chore->runs++;
    chore->run(chore->arg);
}

enum drover_error chore_init(struct chore *chore, struct event_base *base, const char *name, int64_t interval_ms,
                             void (*run)(void *arg), void *arg)
{
    memset(chore, 0, sizeof *chore);
    chore->name = name;
    chore->interval_ms = interval_ms;
    chore->run = run;
    chore->arg = arg;
    chore->timer = evtimer_new(base, chore_fired, chore);
    return chore->timer ? DROVER_OK : DROVER_MEMORY;
}

void chore_done(struct chore *chore)
{
    if (chore->timer)
        event_free(chore->timer);
    chore->timer = NULL;
}

static void chore_arm(struct chore *chore, int64_t wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    if (!chore->stopped)
        (void)evtimer_add(chore->timer, &wait);
}

void chore_start(struct chore *chore)
{
    chore_arm(chore, (int64_t)(clock_random() % (uint64_t)chore->interval_ms));
}

void chore_now(struct chore *chore)
{
    if (chore->busy)
        chore->again = true;
    else
        chore_arm(chore, 0);
}

void chore_stop(struct chore *chore)
{
    chore->stopped = true;
    if (chore->timer)
        (void)evtimer_del(chore->timer);
}

void chore_finish(struct chore *chore, enum drover_error error, int64_t next_ms)
{
    int64_t jitter_ms = chore->interval_ms / 5;
    int64_t wait_ms = chore->interval_ms - jitter_ms / 2 + (int64_t)(clock_random() % (uint64_t)(jitter_ms + 1));

    chore->busy = false;
    if (error) {
        chore->failures++;
        wait_ms += backoff_full_jitter_ms(chore->interval_ms, BACKOFF_CAP_MS, chore->failed, clock_random());
        chore->failed += chore->failed < 32;
    } else {
        chore->failed = 0;
        if (next_ms >= 0)
            wait_ms = next_ms;
        if (chore->again)
            wait_ms = 0;
    }
    chore_arm(chore, wait_ms);
}
