/* The one funnel from a decision to what is done: the record is on disk before the first effect. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_inside.h"
#include "common/clock.h"
#include "common/log.h"

#define STUMBLE_MS 30000   /* the record could not be written: everything is looked at again after this */

struct situation agent_situation(struct agent *agent)
{
    return (struct situation){.policy = &agent->policy, .record = &agent->record, .memory = &agent->memory, .facts = &agent->facts,
                              .version = agent->version, .boot_id = agent->boot_id, .now_ms = agent->unix_ms, .random = clock_random()};
}

void agent_stop_work(struct agent *agent)
{
    fetch_free(agent->fetch);
    agent_slots_stop(agent);
    command_run_free(agent->run);
    agent->fetch = NULL;
    agent->run = NULL;
    agent->run_of = RUN_NOTHING;
    agent->check_mono_ms = agent->reboot_mono_ms = agent->fetch_mono_ms = agent->run_mono_ms = NEVER;
}

/* Nothing may happen that is not on disk. What was under way ends, and the record as it is on disk is taken up again a little later. */
static void stumble(struct agent *agent, const struct problem *problem)
{
    log_event(LOG_ERROR, "record_not_written", LOG_TEXT("where", problem->where), LOG_TEXT("why", problem->what));
    agent_stop_work(agent);
    agent->wake_mono_ms = NEVER;
    agent->stumbles++;
    agent->start_again_mono_ms = agent->mono_ms + STUMBLE_MS;
}

static void staging_clean(const struct agent *agent)
{
    static const char *const endings[] = {"", ".id"};
    char path[AGENT_PATH_SIZE + 8];

    for (unsigned i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", agent->staging_path, endings[i]);
        (void)unlink(path);
    }
}

void agent_effects(struct agent *agent, unsigned effects, enum core_event on)
{
    if (effects & FX_FETCH)
        agent_fetch_begin(agent);
    if (effects & FX_CHECK) /* the first round at once, the next ones in their rhythm */
        agent->check_mono_ms = agent->mono_ms + (on == ON_PASSED || on == ON_UNHEALTHY ? agent->settings->health_interval_ms : 0);
    if (effects & (FX_SAY | FX_END))
        agent_report(agent);
    if (effects & FX_REBOOT)
        agent->reboot_mono_ms = agent->mono_ms + (agent->link_up ? agent->settings->reboot_delay_ms : 0);
}

static void act(struct agent *agent, const struct decision *decision)
{
    if (decision->effects & FX_CLEAN)
        staging_clean(agent);
    agent_effects(agent, agent_slots_begin(agent, decision->effects & ~(unsigned)(FX_STOP | FX_CLEAN), decision->on), decision->on);
}

/* The health command's answer once more, the same as before: once a log is enough. */
static bool is_no_news(const struct agent *agent, const struct decision *decision)
{
    return (decision->on == ON_PASSED || decision->on == ON_UNHEALTHY) && strcmp(agent->record.why, decision->next.why) == 0;
}

static void move_log(const struct agent *agent, const struct decision *decision, enum agent_state before, enum log_level level)
{
    log_event(level, "upgrade", LOG_TEXT("upgrade", agent->record.command.upgrade_id), LOG_TEXT("version", agent->record.command.version),
              LOG_TEXT("from", agent_state_name(before)), LOG_TEXT("on", core_event_name(decision->on)), LOG_TEXT("to", agent_state_name(agent->record.state)),
              LOG_TEXT("error", error_code_name(agent->record.error)), LOG_TEXT("why", decision->why), LOG_TEXT("note", agent->record.why));
}

/* Deadlines are unix time on disk and monotonic time here: a clock that is set meanwhile moves none of them. */
static void wake_set(struct agent *agent)
{
    int64_t left = agent->record.wake_ms - agent->unix_ms;

    agent->wake_mono_ms = agent->record.wake_ms == 0 ? NEVER : agent->mono_ms + (left > 0 ? left : 0);
}

bool agent_take(struct agent *agent, const struct decision *decision)
{
    enum agent_state before = agent->record.state;
    struct problem problem = {.what = ""};

    if (decision->refused) {
        log_event(LOG_INFO, "refused", LOG_TEXT("state", agent_state_name(before)), LOG_TEXT("why", decision->why));
        return false;
    }
    if (upgrade_log_write(agent->log, &decision->next, &decision->memory, &problem) != DROVER_OK) {
        stumble(agent, &problem);
        if (!(decision->effects & FX_BACK)) /* going back needs no memory: the boot counter does the same in the end */
            return false;
    }
    if (decision->effects & FX_STOP)
        agent_stop_work(agent);
    enum log_level level = is_no_news(agent, decision) ? LOG_DEBUG : LOG_INFO;
    agent->record = decision->next;
    agent->memory = decision->memory;
    wake_set(agent);
    move_log(agent, decision, before, level);
    if (before != agent->record.state || decision->effects & FX_END)
        upgrade_log_note(agent->log, agent->unix_ms, &agent->record);
    act(agent, decision);
    return true;
}

void agent_start(struct agent *agent)
{
    struct situation s = agent_situation(agent);
    struct decision decision;

    agent->start_again_mono_ms = NEVER;
    core_start(&s, &decision);
    if (agent_take(agent, &decision))
        agent->stumbles = 0;
}
