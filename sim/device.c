/* A device's life: power, boots, connection, timers. What it says is in device_say.c, how it upgrades in device_upgrade.c,
 * what it is told in device_command.c (managed) and device_ask.c (simple). */
#include "sim/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define SALT_RANDOM UINT64_C(0x72616e646f6d)
#define SALT_BOOT UINT64_C(0x626f6f74)

static const char *const phase_names[PHASE_COUNT] = {
    "off", "dead", "idle", "waiting", "asking", "accepted", "downloading", "holding", "installing", "leaving", "starting",
};

const char *phase_name(enum phase phase)
{
    return phase_names[phase];
}

void device_init(struct device *device, const struct device_plan *plan, uint32_t index)
{
    *device = (struct device){.plan = plan, .index = index, .settled = true};
    device->random = hash_mix(hash_mix(plan->seed ^ SALT_RANDOM) + index);
}

void device_done(struct device *device)
{
    free(device->notice);
    free(device->mail);
    free(device->held.bytes);
    device->notice = NULL;
    device->mail = NULL;
    device->held.bytes = NULL;
}

void device_behave(struct device *device)
{
    const char *faulty = device->plan->faulty_version;

    if (faulty[0])
        device->behaviour = strcmp(device->order.version, faulty) == 0 ? device->given : (struct behaviour){.kind = BEHAVE_HONEST};
}

uint64_t device_random(struct device *device)
{
    return hash_mix(device->random++);
}

int64_t device_jitter_ms(struct device *device, int64_t wait_ms)
{
    return wait_ms / 2 + (int64_t)(device_random(device) % (uint64_t)(wait_ms + 1));
}

const char *device_version(const struct device *device)
{
    return device->slots[device->slot];
}

/* Unique to (fleet, device, boot), and the same again in a repetition of the run. */
void device_boot_id(const struct device *device, char ret[BOOT_ID_SIZE])
{
    uint64_t id = hash_mix(hash_mix(hash_mix(device->plan->seed ^ SALT_BOOT) + device->index) + (uint64_t)device->boots);

    (void)snprintf(ret, BOOT_ID_SIZE, "%08x-%03lld-%016llx", device->index, (long long)device->boots, (unsigned long long)id);
}

static void set_timer(struct device *device, enum device_timer timer, int64_t wait_ms)
{
    device->plan->world.timer(device->plan->world.arg, device, timer, wait_ms);
}

/* Phases that count as something happening; waiting, asking and being told "nothing" may go on for ever. */
static const bool phase_is_busy[PHASE_COUNT] = {
    [PHASE_OFF] = true, [PHASE_ACCEPTED] = true, [PHASE_DOWNLOADING] = true, [PHASE_INSTALLING] = true,
    [PHASE_LEAVING] = true, [PHASE_STARTING] = true,
};

void device_enter(struct device *device, enum phase phase, int64_t wait_ms)
{
    if (phase_is_busy[phase] || phase_is_busy[device->phase])
        device->plan->world.busy(device->plan->world.arg, device);
    device->phase = phase;
    set_timer(device, TIMER_STEP, wait_ms);
}

/* Off, without a word: the last will speaks for it. */
static void power_off(struct device *device)
{
    device_release_held(device);
    set_timer(device, TIMER_HEARTBEAT, -1);
    set_timer(device, TIMER_HELD, -1);
    device->connected = false;
    device->plan->world.power(device->plan->world.arg, device, false);
}

void device_reboot(struct device *device, unsigned slot, enum boot_purpose purpose)
{
    power_off(device);
    device->slot = slot;
    device->purpose = purpose;
    device_enter(device, PHASE_OFF, device_jitter_ms(device, device->plan->reboot_ms));
}

/* number: seconds after which it returns, 0: never. */
void device_die(struct device *device)
{
    int64_t return_ms = device->behaviour.number * 1000;

    device_stop(device);
    power_off(device);
    device->deaths++;
    device_enter(device, PHASE_DEAD, return_ms > 0 ? return_ms : -1);
}

static void boot(struct device *device)
{
    device->boots++;
    device->booted_ms = device->plan->world.mono_ms(device->plan->world.arg);
    device->heartbeat_seq = 0;
    device->unhealthy = false;
    device->ready_timer_on = false;
    device_enter(device, PHASE_STARTING, -1);
    device->plan->world.power(device->plan->world.arg, device, true);
}

void device_start(struct device *device)
{
    boot(device);
}

/* It is ready a while after its first connection: reaching the broker is part of its health check. */
void device_connected(struct device *device)
{
    device->connected = true;
    device_say_online(device, true);
    if (device->phase == PHASE_STARTING && !device->ready_timer_on) {
        device->ready_timer_on = true;
        device_enter(device, PHASE_STARTING, device->boots == 1 ? 0 : device_jitter_ms(device, device->plan->step_ms));
        if (device->purpose == BOOT_UPDATE)
            device_say_report(device, REPORT_VERIFYING, 50, E_NONE, "booted");
    }
    if (device->boots > 1 || device->phase != PHASE_STARTING)
        device_say_heartbeat(device);
    set_timer(device, TIMER_HEARTBEAT, device_jitter_ms(device, device->plan->heartbeat_ms * 2 / 3));
}

void device_disconnected(struct device *device)
{
    device->connected = false;
}

/* 90 to 110 percent of the interval: devices that began together drift apart. */
static int64_t heartbeat_wait_ms(struct device *device)
{
    int64_t tenth = device->plan->heartbeat_ms / 10;

    return device->plan->heartbeat_ms - tenth + (int64_t)(device_random(device) % (uint64_t)(2 * tenth + 1));
}

static void heartbeat_due(struct device *device)
{
    set_timer(device, TIMER_HEARTBEAT, heartbeat_wait_ms(device));
    if (!device->connected)
        return;
    device_say_heartbeat(device);
    if (!device->unhealthy || ++device->beats_unhealthy < device->behaviour.number || device->kind != KIND_SIMPLE)
        return;
    device->beats_unhealthy = 0;
    device->rollbacks++;
    (void)text_copy(device->shunned, sizeof device->shunned, device_version(device));
    device_reboot(device, device->slot ^ 1, BOOT_PLAIN);
}

static void step_due(struct device *device)
{
    switch (device->phase) {
    case PHASE_OFF:
        if (device->purpose == BOOT_UPDATE && device_takes_fault(device, STEP_REBOOT))
            return;
        boot(device);
        return;
    case PHASE_DEAD:
        device->purpose = BOOT_PLAIN;
        boot(device);
        return;
    case PHASE_STARTING:
        device_became_ready(device);
        return;
    case PHASE_WAITING:
        device->asks++;
        device_enter(device, PHASE_ASKING, -1);
        device->plan->world.ask(device->plan->world.arg, device);
        return;
    default:
        device_step_over(device);
        return;
    }
}

void device_timer_fired(struct device *device, enum device_timer timer)
{
    if (timer == TIMER_HEARTBEAT)
        heartbeat_due(device);
    else if (timer == TIMER_STEP)
        step_due(device);
    else
        device_release_held(device);
}

bool device_is_quiet(const struct device *device)
{
    switch (device->phase) {
    case PHASE_IDLE:
    case PHASE_WAITING:
    case PHASE_ASKING:
        return !(device->unhealthy && device->kind == KIND_SIMPLE);
    case PHASE_DEAD:
        return device->behaviour.number == 0;
    default:
        return !phase_is_busy[device->phase];
    }
}
