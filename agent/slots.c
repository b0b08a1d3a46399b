/* What every back end shares: settings that are checked, boot.state that is opened, kept and told. Writing a slot: slots_install.c; choosing one:
 * slots_next.c. */
#include "agent/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/durable.h"
#include "agent/slots_backend.h"

static const struct slots_backend *const backends[] = {&slots_file, &slots_block, &slots_script, &slots_rauc, &slots_swupdate};
#define BACKEND_COUNT (sizeof backends / sizeof backends[0])

enum error_code slots_code(enum drover_error error)
{
    if (error == DROVER_OK)
        return E_NONE;
    return error == DROVER_NO_SPACE ? E_NO_SPACE : E_INSTALL;
}

enum error_code slots_failed(const char *part, const char *what, struct problem *ret_problem)
{
    return slots_code(durable_failed(part, what, ret_problem));
}

enum error_code slots_refuse(enum error_code code, const char *where, const char *what, struct problem *ret_problem)
{
    (void)problem_set(ret_problem, DROVER_REFUSED, where, "%s", what);
    return code;
}

const struct slot_part *slots_part(const struct slots *slots, const char *part)
{
    for (unsigned i = 0; i < slots->config.part_count; i++)
        if (strcmp(slots->config.parts[i].name, part) == 0)
            return &slots->config.parts[i];
    return NULL;
}

/* --- opening --- */

static enum drover_error parts_check(const struct slots_config *config, struct problem *ret_problem)
{
    if (config->part_count > SLOT_PARTS_MAX)
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.parts", "more than %d", SLOT_PARTS_MAX);
    for (unsigned i = 0; i < config->part_count; i++) {
        const char *name = config->parts[i].name;

        if (!text_is_id(name, strnlen(name, ID_SIZE)))
            return problem_set(ret_problem, DROVER_SYNTAX, "slots.parts", "the name of part %u is not an id", i + 1);
        for (unsigned j = 0; j < i; j++)
            if (strcmp(config->parts[j].name, name) == 0)
                return problem_set(ret_problem, DROVER_SYNTAX, "slots.parts", "%s is given twice", name);
    }
    return DROVER_OK;
}

static enum drover_error config_check(struct slots *slots, struct problem *ret_problem)
{
    const struct slots_config *config = &slots->config;
    const char *running = config->running ? config->running : "";

    for (unsigned i = 0; i < BACKEND_COUNT && !slots->backend; i++)
        if (config->backend && strcmp(backends[i]->name, config->backend) == 0)
            slots->backend = backends[i];
    if (!slots->backend)
        return problem_set(ret_problem, DROVER_NOT_FOUND, "slots.backend", "there is no such back end");
    if (strcmp(running, "") != 0 && strcmp(running, "a") != 0 && strcmp(running, "b") != 0)
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.running", "neither a nor b");
    if (!running[0] && !slots->backend->asks_boot_state)
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.running", "%s needs to be told which slot runs", slots->backend->name);
    return parts_check(config, ret_problem);
}

static enum slot running_given(const struct slots *slots, enum slot otherwise)
{
    const char *running = slots->config.running;

    if (!running || !running[0])
        return otherwise;
    return running[0] == 'a' ? SLOT_A : SLOT_B;
}

/* Keeps boot.state as it is on disk, or makes the first one; *ret_save: it should be written. */
static enum drover_error state_open(struct slots *slots, bool *ret_save, struct problem *ret_problem)
{
    struct problem problem = {.what = ""};
    enum drover_error error = boot_state_load(slots->folder_fd, &slots->state, ret_save, &problem);
    bool told = slots->config.running && slots->config.running[0];

    slots->running = running_given(slots, error ? SLOT_A : slots->state.booted);
    if (!error)
        return DROVER_OK;
    if (error != DROVER_NOT_FOUND && !(error == DROVER_SYNTAX && told))
        return problem_set(ret_problem, error, problem.where, "%s", problem.what);
    if (error == DROVER_SYNTAX)
        boot_state_set_aside(slots->folder_fd, &problem);
    slots->state = (struct boot_state){.active = slots->running, .booted = slots->running, .trying = NO_SLOT};
    slots->state.slots[slots->running].mark = SLOT_GOOD;
    *ret_save = true;
    return DROVER_OK;
}

enum drover_error slots_open(const struct slots_config *config, struct slots **ret_slots, struct problem *ret_problem)
{
    struct slots *slots = calloc(1, sizeof *slots);
    bool save = false;
    enum drover_error error;

    if (!slots)
        return problem_set(ret_problem, DROVER_MEMORY, "slots", "out of memory");
    slots->config = *config;
    slots->folder_fd = slots->target_fd = -1;
    slots->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    error = slots->stop_fd < 0 ? durable_failed("slots", "no eventfd", ret_problem) : config_check(slots, ret_problem);
    if (!error)
        error = durable_folder(AT_FDCWD, config->dir, &slots->folder_fd, ret_problem);
    if (!error)
        error = state_open(slots, &save, ret_problem);
    if (!error)
        error = slots->backend->calls->open(slots, ret_problem);
    if (!error && save)
        error = boot_state_save(slots->folder_fd, &slots->state, ret_problem);
    if (error)
        slots_close(slots);
    else
        *ret_slots = slots;
    return error;
}

void slots_release(struct slots *slots)
{
    for (unsigned i = 0; i < slots->written_count; i++) {
        if (slots->written[i].fd >= 0)
            close(slots->written[i].fd);
        slots->written[i].fd = -1;
    }
}

void slots_close(struct slots *slots)
{
    if (!slots)
        return;
    slots_release(slots);
    if (slots->target_fd >= 0)
        close(slots->target_fd);
    if (slots->folder_fd >= 0)
        close(slots->folder_fd);
    if (slots->stop_fd >= 0)
        close(slots->stop_fd);
    free(slots);
}

static enum slot_trial trial_of(const struct slots *slots)
{
    if (slots->running != slots->state.active || slots->state.trying == NO_SLOT)
        return SLOT_NO_TRIAL;
    return slots->state.tries > 0 ? SLOT_TRIAL_AHEAD : SLOT_TRIAL_SPENT;
}

void slots_facts(const struct slots *slots, struct slot_facts *ret_facts)
{
    const struct boot_state *state = &slots->state;

    *ret_facts = (struct slot_facts){
        .running = slots->running, .trying = slots->running != state->active, .tries_left = state->tries, .trial = trial_of(slots)};
    for (unsigned i = 0; i < 2; i++) {
        ret_facts->slots[i].valid = state->slots[i].mark != SLOT_INVALID;
        (void)text_copy(ret_facts->slots[i].version, VERSION_SIZE, state->slots[i].version);
        (void)text_copy(ret_facts->slots[i].manifest_sha256, SHA256_HEX_SIZE, state->slots[i].manifest_sha256);
    }
}

/* --- stopping --- */

void slots_stop(struct slots *slots)
{
    uint64_t one = 1;

    atomic_store(&slots->stopped, true);
    while (write(slots->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void slots_go_on(struct slots *slots)
{
    uint64_t count;

    while (read(slots->stop_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    atomic_store(&slots->stopped, false);
}

bool slots_is_stopped(const struct slots *slots)
{
    return atomic_load(&slots->stopped);
}

/* --- what slots_install.c and slots_next.c share --- */

enum error_code slots_state_save(struct slots *slots, struct boot_state *next, struct problem *ret_problem)
{
    enum drover_error error = boot_state_save(slots->folder_fd, next, ret_problem);

    if (!error)
        slots->state = *next;
    return slots_code(error);
}

/* On probation the other slot is the way back: nobody writes to it. */
enum error_code slots_probation_check(const struct slots *slots, struct problem *ret_problem)
{
    if (slots->running == slots->state.active)
        return E_NONE;
    return slots_refuse(E_BUSY, slot_name(slots->running), "this slot runs but is not the one to stay with: confirm it or go back first", ret_problem);
}

/* The integrator's boot loader is told to stay, when it may still mean to try the other slot. */
enum error_code slots_trial_drop(struct slots *slots, struct problem *ret_problem)
{
    if (slots->state.trying != (int)slot_other(slots->running) || !slots->backend->calls->back)
        return E_NONE;
    return slots->backend->calls->back(slots, slots->running, ret_problem);
}
