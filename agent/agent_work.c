/* What is under way: a download, a command of the integrator, a wait. Each ends in an event for the core. */
#include <stdio.h>
#include <string.h>

#include "agent/agent_inside.h"
#include "agent/device_facts.h"
#include "common/log.h"

#define REBOOT_TIMEOUT_MS 60000
#define PROGRESS_MS 5000
#define PROGRESS_PCT 10
#define EXIT_REFUSES 77              /* EX_NOPERM */

/* --- download --- */

static void progress_made(void *arg, int64_t done_bytes, int64_t total_bytes)
{
    struct agent *agent = arg;
    int64_t pct = total_bytes > 0 ? done_bytes * 100 / total_bytes : 0;
    bool is_time = agent->mono_ms - agent->progress_said_mono_ms >= PROGRESS_MS;

    agent->progress_pct = pct;
    if (pct < agent->progress_said_pct + PROGRESS_PCT && !(is_time && pct > agent->progress_said_pct))
        return;
    agent->progress_said_pct = pct;
    agent->progress_said_mono_ms = agent->mono_ms;
    agent_report(agent);
}

static void fetch_done(void *arg, enum error_code code, int64_t retry_after_ms, const struct problem *problem)
{
    struct agent *agent = arg;
    struct situation s = agent_situation(agent);
    struct decision decision;
    char what[WHAT_SIZE];

    fetch_free(agent->fetch);
    agent->fetch = NULL;
    agent->fetch_mono_ms = NEVER;
    (void)snprintf(what, sizeof what, "%s: %s", problem ? problem->where : "", problem ? problem->what : "");
    core_fetched(&s, code, retry_after_ms, code == E_NONE ? "" : what, &decision);
    (void)agent_take(agent, &decision);
}

static const char *token_read(void *arg)
{
    struct agent *agent = arg;
    struct problem problem;

    if (device_line_read(agent->settings->depot_token_file, agent->token, sizeof agent->token, &problem) == DROVER_OK)
        return agent->token;
    log_event(LOG_WARN, "token_unreadable", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
    return NULL;
}

/* As long as the settings allow, but not beyond the command's deadline: then the server has given up, or told it again. A clock that stands in the past
 * only makes it longer. */
static int64_t fetch_total_ms(const struct agent *agent)
{
    int64_t total_ms = agent->settings->depot_total_s * 1000, deadline_ms = agent->record.command.deadline_ms, left_ms = deadline_ms - agent->unix_ms;

    if (deadline_ms == 0 || left_ms > total_ms)
        return total_ms;
    return left_ms > 0 ? left_ms : 1;
}

void agent_fetch_begin(struct agent *agent)
{
    const struct agent_settings *settings = agent->settings;
    const struct command *command = &agent->record.command;
    const struct fetch_config config = {
        .ca_file = settings->tls_ca_file, .certificate_file = settings->tls_certificate_file, .key_file = settings->tls_key_file,
        .token = settings->depot_token_file[0] ? token_read : NULL, .token_arg = agent, .bandwidth_bytes_s = settings->depot_bandwidth_bytes_s,
        .stall_ms = settings->depot_stall_s * 1000, .total_ms = fetch_total_ms(agent), .min_bytes_s = settings->depot_min_bytes_s,
        .window_max = (unsigned)settings->depot_window, .failures_max = (unsigned)settings->depot_failures};
    const struct fetch_job job = {.url = command->url, .sha256 = command->sha256, .size_bytes = command->size_bytes, .staging_path = agent->staging_path,
                                  .policy = &agent->package_policy, .keys = agent_keys(agent)};
    const struct fetch_events events = {progress_made, fetch_done, agent};

    agent_pull_drop(agent);
    agent_package_policy(agent);
    agent->progress_pct = agent->progress_said_pct = 0;
    agent->progress_said_mono_ms = agent->mono_ms;
    agent->fetch = fetch_start(agent->multi, &config, &job, &events, agent->mono_ms);
    agent->fetch_mono_ms = agent->mono_ms;
    log_event(LOG_INFO, "download", LOG_TEXT("url", command->url), LOG_NUMBER("bytes", command->size_bytes), LOG_TEXT("delta_from", command->base_version));
    if (!agent->fetch)
        fetch_done(agent, E_INTERNAL, 0, &(struct problem){.where = "download", .what = "out of memory"});
}

/* --- commands of the integrator --- */

static void run_start(struct agent *agent, enum agent_run_of of, const char *command, int64_t timeout_ms)
{
    char slot[32], version[VERSION_SIZE + 32], target[VERSION_SIZE + 32];
    const char *const environment[] = {slot, version, target, NULL};

    (void)snprintf(slot, sizeof slot, "DROVER_SLOT=%s", slot_name(agent->facts.running));
    (void)snprintf(version, sizeof version, "DROVER_VERSION=%s", agent->version);
    (void)snprintf(target, sizeof target, "DROVER_TARGET=%s", agent->record.command.version);
    command_run_free(agent->run);
    agent->run = command_run_start(command, environment, timeout_ms, agent->mono_ms);
    agent->run_of = of;
    agent->run_mono_ms = agent->mono_ms;
}

static void turn_come(struct agent *agent, enum error_code condition, const char *what)
{
    struct situation s = agent_situation(agent);
    struct decision decision;

    core_turn(&s, condition, what, &decision);
    (void)agent_take(agent, &decision);
}

static void checked(struct agent *agent, bool passed, const char *what)
{
    struct situation s = agent_situation(agent);
    struct decision decision;

    core_checked(&s, passed, agent->link_up, what, &decision);
    (void)agent_take(agent, &decision);
}

/* The condition's word by its exit code: 77 refuses for good, anything else but 0 means: not now. */
static void run_ended(struct agent *agent, enum command_state state)
{
    struct command_run *run = agent->run;
    enum agent_run_of of = agent->run_of;
    bool passed = state == COMMAND_PASSED;
    const char *why = run ? command_run_why(run) : "no process could be made";

    agent->run = NULL;
    agent->run_of = RUN_NOTHING;
    agent->run_mono_ms = NEVER;
    if (of == RUN_CONDITION)
        turn_come(agent, passed ? E_NONE : run && command_run_exit_code(run) == EXIT_REFUSES ? E_REJECTED : E_BUSY, why);
    else if (of == RUN_HEALTH)
        checked(agent, passed, why);
    else if (of == RUN_REBOOT && !passed)
        log_event(LOG_ERROR, "reboot_failed", LOG_TEXT("why", why));
    command_run_free(run);
}

static void run_step(struct agent *agent)
{
    enum command_state state = COMMAND_FAILED;

    if (agent->run_of == RUN_NOTHING)
        return;
    if (agent->run)
        state = command_run_step(agent->run, agent->mono_ms, &agent->run_mono_ms);
    if (state != COMMAND_RUNS)
        run_ended(agent, state);
}

/* --- what is due --- */

static void wake(struct agent *agent)
{
    const struct agent_settings *settings = agent->settings;
    struct situation s = agent_situation(agent);
    struct decision decision;

    agent->wake_mono_ms = NEVER;
    if (agent->record.state == AGENT_WAITING && settings->update_condition_command[0]) {
        run_start(agent, RUN_CONDITION, settings->update_condition_command, settings->update_condition_timeout_s * 1000);
    } else if (agent->record.state == AGENT_WAITING) {
        turn_come(agent, E_NONE, "");
    } else {
        core_woke(&s, &decision);
        (void)agent_take(agent, &decision);
    }
}

static void check(struct agent *agent)
{
    agent->check_mono_ms = NEVER;
    if (agent->record.state != AGENT_CHECKING)
        return;
    if (agent->settings->health_command[0])
        run_start(agent, RUN_HEALTH, agent->settings->health_command, agent->settings->health_timeout_s * 1000);
    else
        checked(agent, true, "");
}

static void reboot(struct agent *agent)
{
    agent->reboot_mono_ms = NEVER;
    if (agent->record.state != AGENT_SWITCHED && agent->record.state != AGENT_GOING_BACK)
        return;
    log_event(LOG_INFO, "reboot", LOG_TEXT("command", agent->settings->reboot_command));
    run_start(agent, RUN_REBOOT, agent->settings->reboot_command, REBOOT_TIMEOUT_MS);
}

void agent_work_step(struct agent *agent)
{
    int64_t fetch_mono_ms = NEVER;

    if (agent->fetch)
        fetch_step(agent->fetch, agent->mono_ms, &fetch_mono_ms);
    agent->fetch_mono_ms = agent->fetch ? fetch_mono_ms : NEVER; /* its end may have been in the step */
    run_step(agent);
    agent_slots_step(agent);
    if (agent->start_again_mono_ms <= agent->mono_ms && !agent->task)
        agent_start(agent);
    if (agent->slots_hold)
        return;
    if (agent->wake_mono_ms <= agent->mono_ms)
        wake(agent);
    if (agent->check_mono_ms <= agent->mono_ms)
        check(agent);
    if (agent->reboot_mono_ms <= agent->mono_ms)
        reboot(agent);
}

int64_t agent_work_wake(const struct agent *agent)
{
    const int64_t times[] = {agent->fetch_mono_ms, agent->run_mono_ms, agent->task ? NEVER : agent->start_again_mono_ms,
                             agent->wake_mono_ms, agent->check_mono_ms, agent->reboot_mono_ms}; /* the last three may be held */
    size_t count = sizeof times / sizeof times[0] - (agent->slots_hold ? 3 : 0);
    int64_t first = NEVER;

    for (size_t i = 0; i < count; i++)
        if (times[i] < first)
            first = times[i];
    return first;
}
