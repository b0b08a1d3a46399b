/* The order of steps that every back end shares, and boot.state kept in step with them. The order is what survives a power cut: a slot is marked
 * invalid before its first byte, and valid only after its last one is on disk. */
#include "agent/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/durable.h"
#include "agent/slots_backend.h"
#include "common/log.h"

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

static enum error_code refuse(enum error_code code, const char *where, const char *what, struct problem *ret_problem)
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
    error = config_check(slots, ret_problem);
    if (!error)
        error = durable_folder(AT_FDCWD, config->dir, &slots->folder_fd, ret_problem);
    if (!error)
        error = state_open(slots, &save, ret_problem);
    if (!error)
        error = slots->backend->open(slots, ret_problem);
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

static void written_forget(struct slots *slots)
{
    slots_release(slots);
    slots->written_count = 0;
}

void slots_close(struct slots *slots)
{
    if (!slots)
        return;
    written_forget(slots);
    if (slots->target_fd >= 0)
        close(slots->target_fd);
    if (slots->folder_fd >= 0)
        close(slots->folder_fd);
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

/* --- installing --- */

static enum error_code state_save(struct slots *slots, struct boot_state *next, struct problem *ret_problem)
{
    enum drover_error error = boot_state_save(slots->folder_fd, next, ret_problem);

    if (!error)
        slots->state = *next;
    return slots_code(error);
}

/* On probation the other slot is the way back: nobody writes to it. */
static enum error_code probation_check(const struct slots *slots, struct problem *ret_problem)
{
    if (slots->running == slots->state.active)
        return E_NONE;
    return refuse(E_BUSY, slot_name(slots->running), "this slot runs but is not the one to stay with: confirm it or go back first", ret_problem);
}

/* The integrator's boot loader is told to stay, when it may still mean to try the other slot. */
static enum error_code trial_drop(struct slots *slots, struct problem *ret_problem)
{
    if (slots->state.trying != (int)slot_other(slots->running) || !slots->backend->back)
        return E_NONE;
    return slots->backend->back(slots, slots->running, ret_problem);
}

enum error_code slots_begin(struct slots *slots, struct problem *ret_problem)
{
    enum slot other = slot_other(slots->running);
    struct boot_state next = slots->state;
    enum error_code code = probation_check(slots, ret_problem);

    slots->begun = false;
    written_forget(slots);
    if (code == E_NONE)
        code = trial_drop(slots, ret_problem);
    next.trying = NO_SLOT;
    next.tries = 0;
    next.slots[other] = (struct slot_entry){.mark = SLOT_INVALID};
    if (code == E_NONE && (slots->state.trying != NO_SLOT || slots->state.slots[other].mark != SLOT_INVALID))
        code = state_save(slots, &next, ret_problem);
    slots->begun = code == E_NONE;
    return code;
}

/* The entry of a part that is opened again is used again. */
static struct slot_written *written_entry(struct slots *slots, const char *part)
{
    for (unsigned i = 0; i < slots->written_count; i++)
        if (strcmp(slots->written[i].name, part) == 0) {
            if (slots->written[i].fd >= 0)
                close(slots->written[i].fd);
            slots->written[i] = slots->written[--slots->written_count];
            break;
        }
    return slots->written_count < SLOT_PARTS_MAX ? &slots->written[slots->written_count] : NULL;
}

enum error_code slots_open_part(struct slots *slots, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem)
{
    struct slot_written *written;
    enum error_code code;
    int fd = -1;

    if (!slots->begun)
        return refuse(E_INSTALL, "slots", "nothing was begun", ret_problem);
    if (!text_is_id(part, strlen(part)) || size_bytes < 0)
        return refuse(E_INCOMPATIBLE, "part", "its name is not an id, or its size is negative", ret_problem);
    written = written_entry(slots, part);
    if (!written)
        return refuse(E_INCOMPATIBLE, part, "one part too many", ret_problem);
    code = slots->backend->open_part(slots, part, size_bytes, resume, &fd, ret_problem);
    if (code != E_NONE)
        return code;
    *written = (struct slot_written){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .size_bytes = size_bytes};
    if (written->fd < 0) {
        code = slots_failed(part, "cannot be kept open", ret_problem);
        close(fd);
        return code;
    }
    (void)text_copy(written->name, sizeof written->name, part);
    slots->written_count++;
    *ret_fd = fd;
    return E_NONE;
}

enum error_code slots_open_file(struct slots *slots, const char *name, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem)
{
    int fd = openat(slots->target_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (resume ? 0 : O_TRUNC), 0644);
    enum error_code code = E_NONE;
    struct stat status;

    if (fd < 0)
        return slots_failed(part, "cannot be opened", ret_problem);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        code = refuse(E_INSTALL, part, "is not a regular file", ret_problem);
    else if (status.st_size > size_bytes && ftruncate(fd, size_bytes) != 0)
        code = slots_failed(part, "cannot be cut", ret_problem);
    else if (size_bytes > 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size_bytes) != 0 && (errno == ENOSPC || errno == EDQUOT))
        code = slots_failed(part, "does not fit", ret_problem);
    if (code == E_NONE)
        *ret_fd = fd;
    else
        close(fd);
    return code;
}

enum error_code slots_open_base(struct slots *slots, const char *part, int *ret_fd, struct problem *ret_problem)
{
    if (!text_is_id(part, strlen(part)))
        return refuse(E_DELTA_BASE, "part", "its name is not an id", ret_problem);
    return slots->backend->open_base(slots, part, ret_fd, ret_problem);
}

static enum error_code written_check(const struct slots *slots, const struct slot_written *written, struct problem *ret_problem)
{
    struct stat status;

    if (written->fd < 0) /* done, in a finish that failed later */
        return E_NONE;
    if (fsync(written->fd) != 0 || fstat(written->fd, &status) != 0)
        return slots_failed(written->name, "cannot be synced", ret_problem);
    if (slots->backend->exact_size && status.st_size != written->size_bytes) {
        (void)problem_set(ret_problem, DROVER_MISMATCH, written->name, "has %lld of %lld bytes", (long long)status.st_size, (long long)written->size_bytes);
        return E_INSTALL;
    }
    return E_NONE;
}

static enum error_code missing_part_check(const struct slots *slots, struct problem *ret_problem)
{
    for (unsigned i = 0; slots->backend->needs_all_parts && i < slots->config.part_count; i++) {
        const char *name = slots->config.parts[i].name;
        bool found = false;

        for (unsigned j = 0; j < slots->written_count; j++)
            found |= strcmp(slots->written[j].name, name) == 0;
        if (!found)
            return refuse(E_INCOMPATIBLE, name, "this part was not written: the slot is not whole", ret_problem);
    }
    return E_NONE;
}

static enum error_code finish_check(const struct slots *slots, const char *version, const char *manifest_sha256, struct problem *ret_problem)
{
    char plain[VERSION_SIZE];

    if (!slots->begun || slots->written_count == 0)
        return refuse(E_INSTALL, "slots", "nothing was written", ret_problem);
    if (semver_read(version, strlen(version), plain, NULL) != DROVER_OK || strcmp(plain, version) != 0)
        return refuse(E_INSTALL, "version", "not a version", ret_problem);
    if (manifest_sha256[0] && !text_is_hex(manifest_sha256, strlen(manifest_sha256), SHA256_HEX_SIZE - 1))
        return refuse(E_INSTALL, "manifest_sha256", "not 64 hex digits", ret_problem);
    return missing_part_check(slots, ret_problem);
}

enum error_code slots_finish(struct slots *slots, const char *version, const char *manifest_sha256, struct problem *ret_problem)
{
    struct boot_state next = slots->state;
    struct slot_entry *entry = &next.slots[slot_other(slots->running)];
    enum error_code code = finish_check(slots, version, manifest_sha256, ret_problem);

    for (unsigned i = 0; code == E_NONE && i < slots->written_count; i++)
        code = written_check(slots, &slots->written[i], ret_problem);
    if (code == E_NONE)
        code = slots->backend->settle(slots, version, ret_problem);
    if (code != E_NONE)
        return code;
    entry->mark = SLOT_WRITTEN;
    (void)text_copy(entry->version, sizeof entry->version, version);
    (void)text_copy(entry->manifest_sha256, sizeof entry->manifest_sha256, manifest_sha256);
    code = state_save(slots, &next, ret_problem);
    if (code != E_NONE)
        return code;
    if (slots->backend->discard)
        slots->backend->discard(slots);
    slots->begun = false;
    written_forget(slots);
    return E_NONE;
}

/* --- which slot is next --- */

/* The intent is on disk before the boot loader hears of it, so that slots_begin knows that a trial may be ahead. */
enum error_code slots_switch(struct slots *slots, unsigned tries, struct problem *ret_problem)
{
    enum slot other = slot_other(slots->running);
    struct boot_state next = slots->state;
    enum error_code code = probation_check(slots, ret_problem);

    if (code != E_NONE)
        return code;
    if (slots->state.slots[other].mark == SLOT_INVALID)
        return refuse(E_INSTALL, slot_name(other), "this slot is not whole", ret_problem);
    if (tries < 1 || tries > BOOT_TRIES_MAX)
        return refuse(E_INTERNAL, "tries", "not in 1 .. 99", ret_problem);
    next.trying = (int)other;
    next.tries = tries;
    code = state_save(slots, &next, ret_problem);
    if (code == E_NONE && slots->backend->switch_to)
        code = slots->backend->switch_to(slots, other, tries, ret_problem);
    return code;
}

enum error_code slots_confirm(struct slots *slots, struct problem *ret_problem)
{
    struct boot_state next = slots->state;
    enum error_code code = trial_drop(slots, ret_problem);

    if (code == E_NONE && slots->backend->confirm)
        code = slots->backend->confirm(slots, slots->running, ret_problem);
    if (code != E_NONE)
        return code;
    next.active = next.booted = slots->running;
    next.trying = NO_SLOT;
    next.tries = 0;
    next.slots[slots->running].mark = SLOT_GOOD;
    return boot_state_is(&next, &slots->state) ? E_NONE : state_save(slots, &next, ret_problem);
}

enum error_code slots_back(struct slots *slots, struct problem *ret_problem)
{
    enum slot other = slot_other(slots->running);
    struct boot_state next = slots->state;
    enum error_code code = E_NONE;

    if (slots->state.slots[other].mark != SLOT_GOOD)
        return refuse(E_ROLLED_BACK, slot_name(other), "there is no way back: this slot was never confirmed, or is not whole", ret_problem);
    if (slots->backend->back)
        code = slots->backend->back(slots, other, ret_problem);
    if (code != E_NONE)
        return code;
    next.active = other;
    next.trying = NO_SLOT;
    next.tries = 0;
    return state_save(slots, &next, ret_problem);
}

/* --- the boot loader's question --- */

/* A slot on trial whose boots cannot be counted could loop for ever. */
static enum slot uncounted(const struct boot_state *before, enum slot slot, const struct problem *problem)
{
    log_event(LOG_ERROR, "boot_not_counted", LOG_TEXT("slot", slot_name(slot)), LOG_TEXT("instead", slot_name(before->active)), LOG_TEXT("why", problem->what));
    return before->active;
}

enum drover_error slots_boot(const char *dir, enum slot *ret_slot, struct problem *ret_problem)
{
    int folder_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct problem problem = {.what = ""};
    struct boot_state before, after;
    bool save;
    enum drover_error error;

    if (folder_fd < 0)
        return problem_set(ret_problem, errno == ENOENT ? DROVER_NOT_FOUND : DROVER_IO, dir, "cannot be opened: %s", strerror(errno));
    error = boot_state_load(folder_fd, &before, &save, ret_problem);
    if (!error) {
        enum slot slot;

        after = before;
        slot = boot_state_choose(&after);
        save |= !boot_state_is(&after, &before);
        if (save && boot_state_save(folder_fd, &after, &problem) != DROVER_OK && before.trying == (int)slot)
            slot = uncounted(&before, slot, &problem);
        *ret_slot = slot;
    }
    close(folder_fd);
    return error;
}
