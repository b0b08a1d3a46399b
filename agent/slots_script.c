/* Back end `script`: parts are staged as files, and the integrator's commands do the rest. What a command is told and how it answers stands in
 * docs/agent-slots.md. rauc and swupdate are this back end with commands that are known beforehand. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/durable.h"
#include "agent/health.h"
#include "agent/slots_backend.h"
#include "common/clock.h"

#define FALLBACK_PART "bundle"   /* of rauc and swupdate, when the settings name none */
#define STAGED_NAME_SIZE (ID_SIZE + 16)
#define TIMEOUT_MS (10 * 60 * 1000)

/* Exit codes with a meaning, from sysexits.h. */
static const struct {
    int exit_code;
    enum error_code code;
} answers[] = {
    {65 /* EX_DATAERR */, E_INCOMPATIBLE},
    {73 /* EX_CANTCREAT */, E_NO_SPACE},
    {75 /* EX_TEMPFAIL */, E_BUSY},
};

static enum drover_error script_open(struct slots *slots, struct problem *ret_problem)
{
    bool preset = slots->backend->preset->install != NULL;

    if (slots->config.part_count == 0 && preset) {
        slots->config.part_count = 1;
        (void)text_copy(slots->config.parts[0].name, ID_SIZE, FALLBACK_PART);
    }
    if (slots->config.part_count == 0 || (preset && slots->config.part_count > 1))
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.parts", preset ? "%s takes one part, the bundle" : "%s needs the names of its parts", slots->backend->name);
    if (!preset && (!slots->config.install_command || !slots->config.install_command[0]))
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.install_command", "script needs one");
    if (!slots->config.staging_dir || slots->config.staging_dir[0] != '/')
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.staging_dir", "not an absolute path");
    return durable_folder(AT_FDCWD, slots->config.staging_dir, &slots->target_fd, ret_problem);
}

static void staged_name(const struct slots *slots, const char *part, char ret_name[STAGED_NAME_SIZE])
{
    (void)snprintf(ret_name, STAGED_NAME_SIZE, "%s%s", part, slots->backend->preset->suffix);
}

static enum error_code script_open_part(struct slots *slots, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem)
{
    char name[STAGED_NAME_SIZE];

    if (!slots_part(slots, part)) {
        (void)problem_set(ret_problem, DROVER_UNKNOWN, part, "this device has no such part");
        return E_INCOMPATIBLE;
    }
    staged_name(slots, part, name);
    return slots_open_file(slots, name, part, size_bytes, resume, ret_fd, ret_problem);
}

static enum error_code script_open_base(struct slots *slots, const char *part, int *ret_fd, struct problem *ret_problem)
{
    (void)ret_fd;
    (void)problem_set(ret_problem, DROVER_REFUSED, part, "%s cannot give the image that runs", slots->backend->name);
    return E_DELTA_BASE;
}

/* --- running a command --- */

/* NAME=value texts, NULL at the end. */
struct told {
    char texts[8][SLOT_PATH_SIZE + STAGED_NAME_SIZE + 32];
    const char *list[9];
    unsigned count;
};

static void tell(struct told *told, const char *name, const char *value)
{
    char *text = told->texts[told->count];

    (void)snprintf(text, sizeof told->texts[0], "%s=%s", name, value);
    told->list[told->count++] = text;
}

static enum error_code answer_code(const struct command_run *run)
{
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (command_run_exit_code(run) == answers[i].exit_code)
            return answers[i].code;
    return E_INSTALL;
}

/* On the thread of the step (slots_task.h), or in a test; slots_stop is heard at once. */
static enum command_state command_wait(struct slots *slots, struct command_run *run)
{
    int64_t wake_ms;
    enum command_state state;

    while ((state = command_run_step(run, clock_mono_ms(), &wake_ms)) == COMMAND_RUNS) {
        bool stopped = slots_is_stopped(slots);
        struct pollfd polls[3] = {{.fd = -1}, {.fd = -1}, {.fd = stopped ? -1 : slots->stop_fd, .events = POLLIN}};
        int fds[2];
        unsigned count = command_run_fds(run, fds);
        int64_t wait_ms = wake_ms - clock_mono_ms();

        for (unsigned i = 0; i < count; i++)
            polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        (void)poll(polls, 3, wait_ms < 0 ? 0 : wait_ms > 60000 ? 60000 : (int)wait_ms);
        if (!stopped && slots_is_stopped(slots))
            command_run_stop(run, clock_mono_ms());
    }
    return state;
}

static enum error_code command_do(struct slots *slots, const char *what, const char *command, enum slot slot, struct told *told, struct problem *ret_problem)
{
    int64_t timeout_ms = slots->config.command_timeout_ms > 0 ? slots->config.command_timeout_ms : TIMEOUT_MS;
    struct command_run *run;
    enum error_code code = E_NONE;

    if (slots_is_stopped(slots))
        return slots_refuse(E_CANCELLED, what, "stopped", ret_problem);
    tell(told, "DROVER_SLOT", slot_name(slot));
    tell(told, "DROVER_RUNNING", slot_name(slots->running));
    run = command_run_start(command, told->list, timeout_ms, clock_mono_ms());
    if (!run)
        return slots_failed(what, "the command cannot be started", ret_problem);
    if (command_wait(slots, run) != COMMAND_PASSED) {
        code = slots_is_stopped(slots) ? E_CANCELLED : answer_code(run);
        (void)problem_set(ret_problem, DROVER_REFUSED, what, "%s", command_run_why(run));
    }
    command_run_free(run);
    return code;
}

static const char *command_of(const char *own, const char *preset)
{
    return own && own[0] ? own : preset;
}

/* --- what is asked of the commands --- */

/* RAUC takes a lease on its bundle, which it does not get while anybody has it open for writing. */
static enum error_code script_settle(struct slots *slots, const char *version, struct problem *ret_problem)
{
    const char *command = command_of(slots->config.install_command, slots->backend->preset->install);
    enum error_code code = slots_code(durable_folder_sync(slots->target_fd, "staging_dir", ret_problem));

    slots_release(slots);
    for (unsigned i = 0; code == E_NONE && i < slots->written_count; i++) {
        const char *part = slots->written[i].name;
        struct told told = {.count = 0};
        char name[STAGED_NAME_SIZE], image[SLOT_PATH_SIZE + STAGED_NAME_SIZE];

        staged_name(slots, part, name);
        (void)snprintf(image, sizeof image, "%.*s/%s", SLOT_PATH_SIZE - 1, slots->config.staging_dir, name);
        tell(&told, "DROVER_PART", part);
        tell(&told, "DROVER_IMAGE", image);
        tell(&told, "DROVER_VERSION", version);
        code = command_do(slots, "install_command", command, slot_other(slots->running), &told, ret_problem);
    }
    return code;
}

static void script_discard(struct slots *slots)
{
    for (unsigned i = 0; i < slots->written_count; i++) {
        char name[STAGED_NAME_SIZE];

        staged_name(slots, slots->written[i].name, name);
        (void)unlinkat(slots->target_fd, name, 0);
    }
}

static enum error_code script_switch(struct slots *slots, enum slot slot, unsigned tries, struct problem *ret_problem)
{
    const char *command = command_of(slots->config.switch_command, slots->backend->preset->switch_to);
    struct told told = {.count = 0};
    char number[12];

    if (!command)
        return E_NONE;
    (void)snprintf(number, sizeof number, "%u", tries);
    tell(&told, "DROVER_TRIES", number);
    tell(&told, "DROVER_VERSION", slots->state.slots[slot].version);
    return command_do(slots, "switch_command", command, slot, &told, ret_problem);
}

static enum error_code script_confirm(struct slots *slots, enum slot slot, struct problem *ret_problem)
{
    const char *command = command_of(slots->config.confirm_command, slots->backend->preset->confirm);
    struct told told = {.count = 0};

    return command ? command_do(slots, "confirm_command", command, slot, &told, ret_problem) : E_NONE;
}

static enum error_code script_back(struct slots *slots, enum slot slot, struct problem *ret_problem)
{
    const char *command = command_of(slots->config.back_command, slots->backend->preset->back);
    struct told told = {.count = 0};

    return command ? command_do(slots, "back_command", command, slot, &told, ret_problem) : E_NONE;
}

static const struct slots_preset no_preset = {.suffix = ""};

const struct slots_calls script_calls = {
    .open = script_open,
    .open_part = script_open_part,
    .open_base = script_open_base,
    .settle = script_settle,
    .switch_to = script_switch,
    .confirm = script_confirm,
    .back = script_back,
    .discard = script_discard,
};

const struct slots_backend slots_script = {
    .name = "script",
    .exact_size = true,
    .preset = &no_preset,
    .calls = &script_calls,
};
