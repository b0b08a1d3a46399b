/* What a managed device makes of its commands. Commands come at least once, may be old, and may come while it is off. */
#include <stdlib.h>
#include <string.h>

#include "sim/device.h"

/* The update it is busy with, or was busy with last. */
static bool is_same(const struct device *device, const struct command *command)
{
    return device->order.upgrade_id[0] && strcmp(device->order.upgrade_id, command->upgrade_id) == 0;
}

static bool is_working(const struct device *device)
{
    return !device->settled && device->phase >= PHASE_ACCEPTED;
}

static void take_attempt(struct device *device, const struct command *command)
{
    if (!is_same(device, command))
        device->report_seq = 0;
    device->order = *command;
    device->said = (struct report){.attempt = 0};
    device_behave(device);
    device->settled = false;
    device->attempts++;
    if (command->attempt > device->attempt_max)
        device->attempt_max = command->attempt;
}

static void accept(struct device *device, const struct command *command)
{
    device_stop(device);
    take_attempt(device, command);
    if (strcmp(command->version, device_version(device)) == 0) {
        device->settled = true;
        device_enter(device, PHASE_IDLE, -1);
        device_say_report(device, REPORT_SUCCEEDED, 100, E_NONE, "runs it already");
        return;
    }
    device_enter(device, PHASE_ACCEPTED, device_jitter_ms(device, device->plan->step_ms / 4));
    if (device_takes_fault(device, STEP_ACKNOWLEDGE))
        return;
    device_say_report(device, REPORT_ACKNOWLEDGED, ABSENT, E_NONE, "");
}

/* The same attempt once more: it is under way or over, so its last word is repeated; unless a power cut ended it.
 * Too late to be stopped for a newer attempt once the slot is being written: the reboot tells what became of it. */
static void take_update(struct device *device, const struct command *command)
{
    int64_t now_ms = device->plan->world.unix_ms(device->plan->world.arg);
    bool same = is_same(device, command), working = is_working(device);

    if ((same && command->attempt < device->order.attempt) || (command->deadline_ms > 0 && command->deadline_ms < now_ms)) {
        device->commands_stale++;
    } else if (same && command->attempt == device->order.attempt && (working || device->settled)) {
        device->commands_stale++;
        device_say_again(device);
    } else if (working && device->phase >= PHASE_INSTALLING) {
        device->commands_stale++;
    } else {
        accept(device, command);
    }
}

/* Only an update that is not being installed yet can be called off. */
static void take_cancel(struct device *device, const struct command *command)
{
    if (!is_same(device, command) || !is_working(device) || device->phase >= PHASE_INSTALLING) {
        device->commands_stale++;
        return;
    }
    device_stop(device);
    device_say_report(device, REPORT_FAILED, ABSENT, E_CANCELLED, "as it was told");
    device->settled = true;
    device_enter(device, PHASE_IDLE, -1);
}

static void say_back(struct device *device, enum report_state state, enum error_code error, const char *text)
{
    device->settled = true;
    device_enter(device, PHASE_IDLE, -1);
    device_say_report(device, state, ABSENT, error, text);
}

/* Reports on a rollback go by the upgrade it belongs to, which may be one this device never had an update for. */
static void take_rollback(struct device *device, const struct command *command)
{
    unsigned other = device->slot ^ 1;

    device_stop(device);
    if (!is_same(device, command)) {
        device->order = *command;
        device->report_seq = 0;
    }
    if (strcmp(device_version(device), command->version) == 0) {
        say_back(device, REPORT_ROLLED_BACK, E_NONE, "runs it already");
    } else if (strcmp(device->slots[other], command->version) == 0) {
        device->rollbacks++;
        device_reboot(device, other, BOOT_ROLLBACK);
    } else {
        say_back(device, REPORT_FAILED, E_INTERNAL, "the other slot holds another version");
    }
}

void device_take_order(struct device *device, struct command *command)
{
    static void (*const takers[])(struct device *device, const struct command *command) = {
        [COMMAND_UPDATE] = take_update, [COMMAND_CANCEL] = take_cancel, [COMMAND_ROLLBACK] = take_rollback,
    };

    if (command)
        takers[command->kind](device, command);
    free(command);
}

/* While it is off, the newest command waits in the mailbox. (On a connection of its own the broker keeps them.) While it starts
 * up it only listens to a rollback: that is what gets it out of a boot loop. */
void device_command(struct device *device, const char *bytes, size_t length)
{
    struct command *command = malloc(sizeof *command);
    struct problem problem;

    if (!command || command_read(bytes, length, command, &problem) != DROVER_OK) {
        device->commands_bad++;
        free(command);
        return;
    }
    device->commands++;
    device->plan->world.busy(device->plan->world.arg, device);
    if (device->phase == PHASE_OFF || device->phase == PHASE_DEAD ||
        (device->phase == PHASE_STARTING && command->kind != COMMAND_ROLLBACK)) {
        free(device->mail);
        device->mail = command;
    } else {
        device_take_order(device, command);
    }
}
