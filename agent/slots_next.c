/* Which slot is the next to boot: switch, confirm, go back, and the question of the boot loader. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/slots_backend.h"
#include "common/log.h"

/* The intent is on disk before the boot loader hears of it, so that slots_begin knows that a trial may be ahead. */
enum error_code slots_switch(struct slots *slots, unsigned tries, struct problem *ret_problem)
{
    enum slot other = slot_other(slots->running);
    struct boot_state next = slots->state;
    enum error_code code = slots_probation_check(slots, ret_problem);

    if (code != E_NONE)
        return code;
    if (slots->state.slots[other].mark == SLOT_INVALID)
        return slots_refuse(E_INSTALL, slot_name(other), "this slot is not whole", ret_problem);
    if (tries < 1 || tries > BOOT_TRIES_MAX)
        return slots_refuse(E_INTERNAL, "tries", "not in 1 .. 99", ret_problem);
    next.trying = (int)other;
    next.tries = tries;
    code = slots_state_save(slots, &next, ret_problem);
    if (code == E_NONE && slots->backend->calls->switch_to)
        code = slots->backend->calls->switch_to(slots, other, tries, ret_problem);
    return code;
}

enum error_code slots_confirm(struct slots *slots, struct problem *ret_problem)
{
    struct boot_state next = slots->state;
    enum error_code code = slots_trial_drop(slots, ret_problem);

    if (code == E_NONE && slots->backend->calls->confirm)
        code = slots->backend->calls->confirm(slots, slots->running, ret_problem);
    if (code != E_NONE)
        return code;
    next.active = next.booted = slots->running;
    next.trying = NO_SLOT;
    next.tries = 0;
    next.slots[slots->running].mark = SLOT_GOOD;
    return boot_state_is(&next, &slots->state) ? E_NONE : slots_state_save(slots, &next, ret_problem);
}

enum error_code slots_back(struct slots *slots, struct problem *ret_problem)
{
    enum slot other = slot_other(slots->running);
    struct boot_state next = slots->state;
    enum error_code code = E_NONE;

    if (slots->state.slots[other].mark != SLOT_GOOD)
        return slots_refuse(E_ROLLED_BACK, slot_name(other), "there is no way back: this slot was never confirmed, or is not whole", ret_problem);
    if (slots->backend->calls->back)
        code = slots->backend->calls->back(slots, other, ret_problem);
    if (code != E_NONE)
        return code;
    next.active = other;
    next.trying = NO_SLOT;
    next.tries = 0;
    return slots_state_save(slots, &next, ret_problem);
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
