/* See slots_task.h. */
#include "agent/slots_task.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct slots_task {
    struct slots_order order;
    struct slots_outcome outcome;
    pthread_t thread;
    int fd;
    atomic_bool ended;
};

static enum error_code carry_out(const struct slots_order *order, struct slots_outcome *outcome)
{
    switch (order->step) {
    case SLOTS_INSTALL: return install_run(order->slots, &order->install, &outcome->found, &outcome->problem);
    case SLOTS_SWITCH: return slots_switch(order->slots, order->tries, &outcome->problem);
    case SLOTS_CONFIRM: return slots_confirm(order->slots, &outcome->problem);
    default: return slots_back(order->slots, &outcome->problem);
    }
}

static void *thread_run(void *arg)
{
    struct slots_task *task = arg;
    uint64_t one = 1;

    task->outcome.code = carry_out(&task->order, &task->outcome);
    atomic_store(&task->ended, true);
    while (write(task->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    return NULL;
}

/* Signals are the loop's. */
static bool thread_start(struct slots_task *task)
{
    sigset_t all, before;
    bool started;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    started = pthread_create(&task->thread, NULL, thread_run, task) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct slots_task *slots_task_start(const struct slots_order *order)
{
    struct slots_task *task = calloc(1, sizeof *task);

    if (!task)
        return NULL;
    task->order = *order;
    task->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (task->fd >= 0 && thread_start(task))
        return task;
    if (task->fd >= 0)
        close(task->fd);
    free(task);
    return NULL;
}

int slots_task_fd(const struct slots_task *task)
{
    return task->fd;
}

enum slots_step slots_task_step(const struct slots_task *task)
{
    return task->order.step;
}

struct slots_outcome *slots_task_outcome(struct slots_task *task)
{
    return atomic_load(&task->ended) ? &task->outcome : NULL;
}

void slots_task_stop(struct slots_task *task)
{
    slots_stop(task->order.slots);
}

void slots_task_free(struct slots_task *task)
{
    if (!task)
        return;
    slots_task_stop(task);
    (void)pthread_join(task->thread, NULL);
    slots_go_on(task->order.slots);
    close(task->fd);
    install_found_done(&task->outcome.found);
    free(task);
}
