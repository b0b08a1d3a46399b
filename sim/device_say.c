/* What a device says: online, heartbeat, report; and how duplicates, swaps and garbage get in between. */
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/hash.h"
#include "proto/online.h"
#include "sim/device.h"
#include "sim/garbage.h"

#define HELD_MS 500
#define GARBAGE_ONE_IN 4

static void publish(struct device *device, enum topic_kind kind, const void *bytes, size_t length, unsigned qos)
{
    const struct device_world *world = &device->plan->world;

    world->publish(world->arg, device, kind, bytes, length, qos, false);
    if (device->behaviour.kind == BEHAVE_DUPLICATES)
        world->publish(world->arg, device, kind, bytes, length, qos, false);
}

void device_release_held(struct device *device)
{
    struct held held = device->held;

    if (!held.bytes)
        return;
    device->held = (struct held){NULL};
    device->plan->world.timer(device->plan->world.arg, device, TIMER_HELD, -1);
    publish(device, held.kind, held.bytes, held.length, held.qos);
    free(held.bytes);
}

/* Keeps the message back until the next one has gone, or HELD_MS have passed. False: no memory to do so. */
static bool hold(struct device *device, enum topic_kind kind, const struct buffer *message, unsigned qos)
{
    device->held.bytes = malloc(message->length + 1);
    if (!device->held.bytes)
        return false;
    memcpy(device->held.bytes, message->bytes, message->length);
    device->held.length = message->length;
    device->held.kind = kind;
    device->held.qos = qos;
    device->plan->world.timer(device->plan->world.arg, device, TIMER_HELD, HELD_MS);
    return true;
}

static void say(struct device *device, enum topic_kind kind, const struct buffer *message, unsigned qos)
{
    if (message->failed)
        return;
    if (device->behaviour.kind == BEHAVE_REORDER && !device->held.bytes && hold(device, kind, message, qos))
        return;
    publish(device, kind, message->bytes, message->length, qos);
    device_release_held(device);
}

/* Retained, so its order matters: never swapped. */
void device_say_online(struct device *device, bool online)
{
    const struct device_world *world = &device->plan->world;
    struct buffer message;

    buffer_init(&message, MESSAGE_SIZE);
    online_write(online, &message);
    if (!message.failed)
        world->publish(world->arg, device, TOPIC_ONLINE, message.bytes, message.length, 1, true);
    buffer_done(&message);
}

const char *device_status(const struct device *device)
{
    switch (device->phase) {
    case PHASE_STARTING:
        return "starting";
    case PHASE_ACCEPTED:
    case PHASE_DOWNLOADING:
    case PHASE_HOLDING:
    case PHASE_INSTALLING:
    case PHASE_LEAVING:
        return "updating";
    default:
        return device->unhealthy ? "unhealthy" : "idle";
    }
}

static void say_garbage(struct device *device)
{
    const struct device_world *world = &device->plan->world;
    enum topic_kind kind;
    struct buffer message;

    if (device_random(device) % GARBAGE_ONE_IN != 0)
        return;
    buffer_init(&message, 2 * MESSAGE_SIZE);
    kind = garbage_make(device_random(device), &message);
    if (!message.failed)
        world->publish(world->arg, device, kind, message.bytes, message.length, 1, false);
    buffer_done(&message);
}

/* One of the names, by number. */
static void fill_zone(const char *names, uint64_t number, char ret[TIME_ZONE_SIZE])
{
    uint64_t count = names[0] ? 1 : 0;

    for (const char *at = names; *at; at++)
        count += *at == ',';
    for (uint64_t left = count ? number % count : 0; left > 0; left--)
        names = strchr(names, ',') + 1;
    (void)text_copy_n(ret, TIME_ZONE_SIZE, names, strcspn(names, ","));
}

/* Facts of a device that never change come from its index, so that they are the same in every run. */
static void fill_facts(const struct device *device, struct heartbeat *heartbeat)
{
    static const char *const networks[] = {"wifi", "ethernet", "cellular"};
    static const char *const revisions[] = {"A", "B", "B2", "C"};
    uint64_t facts = hash_mix(device->plan->seed + device->index);

    (void)text_copy(heartbeat->hw_rev, sizeof heartbeat->hw_rev, revisions[facts % 4]);
    (void)text_copy(heartbeat->network, sizeof heartbeat->network, networks[facts / 4 % 3]);
    (void)text_copy(heartbeat->priority, sizeof heartbeat->priority, facts / 16 % 10 == 0 ? "high" : "normal");
    fill_zone(device->plan->time_zones, facts / 64, heartbeat->tz);
    heartbeat->rssi_dbm = facts / 4 % 3 == 1 ? ABSENT : -40 - (int64_t)(facts / 256 % 45);
    heartbeat->battery_pct = facts / 4 % 3 == 2 ? 35 + (int64_t)(facts / 1024 % 60) : ABSENT;
}

void device_say_heartbeat(struct device *device)
{
    int64_t now_ms = device->plan->world.mono_ms(device->plan->world.arg);
    struct heartbeat heartbeat = {.uptime_s = (now_ms - device->booted_ms) / 1000, .seq = device->heartbeat_seq++};
    struct buffer message;

    (void)text_copy(heartbeat.device_id, sizeof heartbeat.device_id, device->id);
    (void)text_copy(heartbeat.model, sizeof heartbeat.model, device->model);
    (void)text_copy(heartbeat.version, sizeof heartbeat.version, device_version(device));
    (void)text_copy(heartbeat.status, sizeof heartbeat.status, device_status(device));
    heartbeat.slot = device->slot ? 'b' : 'a';
    device_boot_id(device, heartbeat.boot_id);
    fill_facts(device, &heartbeat);
    if (device->kind == KIND_MANAGED || device->plan->simple_says_kind)
        heartbeat.kind = device->kind;
    buffer_init(&message, MESSAGE_SIZE);
    heartbeat_write(&heartbeat, &message);
    say(device, TOPIC_HEARTBEAT, &message, device->plan->heartbeat_qos);
    buffer_done(&message);
    if (device->behaviour.kind == BEHAVE_GARBAGE)
        say_garbage(device);
}

static void send_said(struct device *device)
{
    struct buffer message;

    device->reports++;
    device->said.seq = ++device->report_seq;
    buffer_init(&message, MESSAGE_SIZE);
    report_write(&device->said, &message);
    say(device, TOPIC_REPORT, &message, 1);
    buffer_done(&message);
    device->plan->world.busy(device->plan->world.arg, device);
}

void device_say_report(struct device *device, enum report_state state, int64_t progress, enum error_code error, const char *text)
{
    bool lies = device->behaviour.kind == BEHAVE_LIAR && state == REPORT_SUCCEEDED;

    if (device->kind != KIND_MANAGED)
        return;
    device->said = (struct report){.attempt = device->order.attempt, .state = state, .progress = progress, .error = error};
    (void)text_copy(device->said.device_id, sizeof device->said.device_id, device->id);
    (void)text_copy(device->said.upgrade_id, sizeof device->said.upgrade_id, device->order.upgrade_id);
    (void)text_copy(device->said.version, sizeof device->said.version, lies ? device->order.version : device_version(device));
    (void)text_copy(device->said.text, sizeof device->said.text, text);
    send_said(device);
}

void device_say_again(struct device *device)
{
    if (device->kind == KIND_MANAGED && device->said.upgrade_id[0])
        send_said(device);
}
