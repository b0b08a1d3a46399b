/* Threads take the next task from a shared counter until none is left. */
#include "firmware/parallel.h"

#include <sched.h>

#define THREADS_MAX 64

struct crew {
    void (*work)(void *arg, unsigned task);
    void *arg;
    unsigned tasks;
    atomic_uint next;
};

unsigned parallel_cores(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return count > THREADS_MAX ? THREADS_MAX : count < 1 ? 1 : (unsigned)count;
}

static void *crew_member(void *arg)
{
    struct crew *crew = arg;
    unsigned task;

    while ((task = atomic_fetch_add(&crew->next, 1)) < crew->tasks)
        crew->work(crew->arg, task);
    return NULL;
}

void parallel_run(unsigned threads, unsigned tasks, void (*work)(void *arg, unsigned task), void *arg)
{
    struct crew crew = {.work = work, .arg = arg, .tasks = tasks};
    pthread_t members[THREADS_MAX];
    unsigned wanted = threads < tasks ? threads : tasks, started = 0;

    while (started + 1 < wanted && started < THREADS_MAX && pthread_create(&members[started], NULL, crew_member, &crew) == 0)
        started++;
    (void)crew_member(&crew);
    while (started > 0)
        (void)pthread_join(members[--started], NULL);
}

void parallel_report_init(struct parallel_report *report, const struct package_progress *progress, int64_t total)
{
    report->progress = progress;
    report->total = total;
    atomic_init(&report->done, 0);
    atomic_init(&report->stopped, false);
    (void)pthread_mutex_init(&report->lock, NULL);
}

void parallel_report_done(struct parallel_report *report)
{
    (void)pthread_mutex_destroy(&report->lock);
}

bool parallel_report_add(struct parallel_report *report, int64_t amount)
{
    int64_t done = atomic_fetch_add(&report->done, amount) + amount;

    if (!report->progress || !report->progress->show)
        return true;
    if (pthread_mutex_trylock(&report->lock) == 0) { /* whoever speaks now says about the same */
        if (!report->progress->show(report->progress->arg, done < report->total ? done : report->total, report->total))
            atomic_store(&report->stopped, true);
        (void)pthread_mutex_unlock(&report->lock);
    }
    return !atomic_load(&report->stopped);
}
