/* The loop. It sleeps in curl_multi_poll until a socket, the link, a child, the slots or a signal has something, or a time has come. */
#include "agent/agent.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent_inside.h"
#include "common/clock.h"
#include "common/log.h"

#define POLL_MAX_MS 60000
#define FDS_MAX 8

static void times_take(struct agent *agent)
{
    agent->mono_ms = clock_mono_ms();
    agent->unix_ms = clock_unix_ms();
}

static unsigned fds_fill(const struct agent *agent, struct curl_waitfd *fds)
{
    int numbers[FDS_MAX];
    unsigned count = 0;

    numbers[count++] = agent->signal_fd;
    numbers[count++] = link_fd(agent->link);
    if (agent->task)
        numbers[count++] = slots_task_fd(agent->task);
    if (agent->run)
        count += command_run_fds(agent->run, numbers + count);
    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct curl_waitfd){.fd = numbers[i], .events = CURL_WAIT_POLLIN};
    return count;
}

static int poll_ms(const struct agent *agent)
{
    const int64_t times[] = {agent_work_wake(agent), agent_say_wake(agent), agent_pull_wake(agent), agent->mono_ms + POLL_MAX_MS};
    int64_t first = NEVER;

    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] < first)
            first = times[i];
    first -= clock_mono_ms();
    return first <= 0 ? 0 : first > INT_MAX ? INT_MAX : (int)first;
}

static void signals_step(struct agent *agent)
{
    struct signalfd_siginfo info;

    while (read(agent->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        log_event(LOG_INFO, "stopping", LOG_NUMBER("signal", info.ssi_signo));
        agent->ending = true;
    }
}

static void turn(struct agent *agent)
{
    struct curl_waitfd fds[FDS_MAX];
    unsigned count = fds_fill(agent, fds);
    int running;

    (void)curl_multi_poll(agent->multi, fds, count, poll_ms(agent), NULL);
    times_take(agent);
    (void)curl_multi_perform(agent->multi, &running);
    signals_step(agent);
    if (agent->ending)
        return;
    agent_link_step(agent);
    agent_work_step(agent);
    agent_pull_step(agent);
    agent_say_step(agent);
}

static int end(struct agent *agent, int status)
{
    if (!agent_teardown(agent)) {
        log_event(LOG_WARN, "ended_at_once", LOG_TEXT("why", "the broker's connection hangs"));
        _exit(status);
    }
    free(agent);
    return status;
}

int agent_run(const struct agent_settings *settings)
{
    struct agent *agent = calloc(1, sizeof *agent);
    struct problem problem = {.what = "out of memory"};

    if (!agent || agent_setup(agent, settings, &problem) != DROVER_OK) {
        log_event(LOG_ERROR, "cannot_start", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
        return agent ? end(agent, 1) : 1;
    }
    times_take(agent);
    log_event(LOG_INFO, "started", LOG_TEXT("version", agent->version), LOG_TEXT("slot", slot_name(agent->facts.running)), LOG_TEXT("boot_id", agent->boot_id),
              LOG_TEXT("state", agent_state_name(agent->record.state)));
    agent_start(agent);
    while (!agent->ending)
        turn(agent);
    return end(agent, 0);
}
