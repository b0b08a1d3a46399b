/* A world for one device on a virtual clock: it notes what the device says and asks for, and lets time pass. */
#pragma once

#include "check.h"

#include "common/buffer.h"
#include "sim/device.h"

#define NEVER INT64_MAX
#define SAID_MAX 400

struct world {
    struct device_plan plan;
    struct device device;
    int64_t now_ms;
    int64_t due[TIMER_COUNT];
    bool powered, auto_download, downloading, asked;
    unsigned cuts;
    unsigned offs;                                   /* times it vanished from the network */
    struct report reports[SAID_MAX];
    unsigned report_count;
    struct heartbeat heartbeats[SAID_MAX];
    unsigned heartbeat_count;
    unsigned unreadable;                             /* messages that no reader takes */
    int online;                                      /* last retained word: 1, 0, -1 for none */
    enum topic_kind order[SAID_MAX];
    unsigned order_count;
    int64_t install_after_ms, install_before_ms;   /* of the next command; 0: none */
};

static void world_publish(void *arg, struct device *device, enum topic_kind kind, const void *bytes, size_t length, unsigned qos, bool retain)
{
    struct world *world = arg;
    struct problem problem;

    (void)qos;
    if (kind == TOPIC_ONLINE && retain) {
        world->online = memmem(bytes, length, "true", 4) ? 1 : 0;
        return;
    }
    if (world->order_count < SAID_MAX)
        world->order[world->order_count++] = kind;
    if (kind == TOPIC_REPORT && world->report_count < SAID_MAX &&
        report_read(device->id, bytes, length, &world->reports[world->report_count], &problem) == DROVER_OK)
        world->report_count++;
    else if (kind == TOPIC_HEARTBEAT && world->heartbeat_count < SAID_MAX &&
             heartbeat_read(device->id, bytes, length, &world->heartbeats[world->heartbeat_count], &problem) == DROVER_OK)
        world->heartbeat_count++;
    else
        world->unreadable++;
}

static void world_timer(void *arg, struct device *device, enum device_timer timer, int64_t wait_ms)
{
    struct world *world = arg;

    (void)device;
    world->due[timer] = wait_ms < 0 ? NEVER : world->now_ms + wait_ms;
}

static void world_download(void *arg, struct device *device, unsigned cuts)
{
    struct world *world = arg;

    (void)device;
    world->downloading = true;
    world->cuts = cuts;
}

static void world_download_cancel(void *arg, struct device *device)
{
    struct world *world = arg;

    (void)device;
    world->downloading = false;
}

static void world_ask(void *arg, struct device *device)
{
    struct world *world = arg;

    (void)device;
    world->asked = true;
}

static void world_power(void *arg, struct device *device, bool on)
{
    struct world *world = arg;

    world->powered = on;
    if (on) {
        device_connected(device);
    } else {
        world->online = 0;
        world->offs++;
    }
}

static void world_busy(void *arg, struct device *device)
{
    (void)arg;
    (void)device;
}

static int64_t world_now(void *arg)
{
    struct world *world = arg;

    return world->now_ms;
}

static inline void world_begin(struct world *world, enum device_kind kind, struct behaviour behaviour)
{
    memset(world, 0, sizeof *world);
    world->plan = (struct device_plan){
        .world = {world, world_publish, world_timer, world_download, world_download_cancel, world_ask, world_power, world_busy, world_now, world_now},
        .seed = 1, .heartbeat_ms = 1000, .step_ms = 400, .reboot_ms = 600, .poll_ms = 2000, .heartbeat_qos = 1,
    };
    world->now_ms = 1000000;
    world->online = -1;
    world->auto_download = true;
    for (unsigned i = 0; i < TIMER_COUNT; i++)
        world->due[i] = NEVER;
    device_init(&world->device, &world->plan, 7);
    (void)text_copy(world->device.id, ID_SIZE, "d1");
    world->device.model = "esp32";
    world->device.kind = kind;
    world->device.given = world->device.behaviour = behaviour;
    (void)text_copy(world->device.slots[0], VERSION_SIZE, "1.0.0");
    device_start(&world->device);
}

static inline void world_end(struct world *world)
{
    device_done(&world->device);
}

/* Finishes the download that is under way, in quarters. */
static inline void world_deliver(struct world *world)
{
    for (unsigned percent = 25; percent <= 100 && world->downloading; percent += 25)
        device_progress(&world->device, percent);
    if (world->downloading) {
        world->downloading = false;
        device_downloaded(&world->device, DOWNLOAD_OK);
    }
}

/* Lets so much time pass; timers fire in their order, downloads come at once. */
static inline void world_run(struct world *world, int64_t wait_ms)
{
    int64_t until_ms = world->now_ms + wait_ms;

    for (;;) {
        unsigned next = 0;

        if (world->auto_download && world->downloading)
            world_deliver(world);
        for (unsigned i = 1; i < TIMER_COUNT; i++)
            if (world->due[i] < world->due[next])
                next = i;
        if (world->due[next] > until_ms)
            break;
        world->now_ms = world->due[next];
        world->due[next] = NEVER;
        device_timer_fired(&world->device, (enum device_timer)next);
    }
    world->now_ms = until_ms;
}

static inline void world_command(struct world *world, enum command_kind kind, const char *upgrade_id, int64_t attempt, const char *version)
{
    struct command command = {.kind = kind, .attempt = attempt, .size_bytes = 1000, .install_after_ms = world->install_after_ms,
                              .install_before_ms = world->install_before_ms};
    struct buffer message;

    (void)text_copy(command.upgrade_id, sizeof command.upgrade_id, upgrade_id);
    (void)text_copy(command.version, sizeof command.version, version);
    (void)text_copy(command.url, sizeof command.url, "http://127.0.0.1:1/artifacts/x");
    memset(command.sha256, 'a', SHA256_HEX_SIZE - 1);
    buffer_init(&message, MESSAGE_SIZE);
    command_write(&command, &message);
    assert_false(message.failed);
    device_command(&world->device, message.bytes, message.length);
    buffer_done(&message);
}

static inline void world_update(struct world *world, int64_t attempt)
{
    world_command(world, COMMAND_UPDATE, "u1", attempt, "1.1.0");
}

static inline void world_notice(struct world *world, const char *model, const char *version, int64_t epoch, int64_t spread_s)
{
    struct notice notice = {.size_bytes = 1000, .share_pct = 100, .spread_s = spread_s, .epoch = epoch};
    struct buffer message;

    (void)text_copy(notice.rollout, sizeof notice.rollout, "r1");
    (void)text_copy(notice.model, sizeof notice.model, model);
    (void)text_copy(notice.version, sizeof notice.version, version);
    (void)text_copy(notice.url, sizeof notice.url, "http://127.0.0.1:1/firmware/latest");
    memset(notice.sha256, 'a', SHA256_HEX_SIZE - 1);
    buffer_init(&message, MESSAGE_SIZE);
    notice_write(&notice, &message);
    device_notice(&world->device, message.bytes, message.length);
    buffer_done(&message);
}

static inline const struct report *world_last_report(const struct world *world)
{
    assert_true(world->report_count > 0);
    return &world->reports[world->report_count - 1];
}

static inline const struct heartbeat *world_last_heartbeat(const struct world *world)
{
    assert_true(world->heartbeat_count > 0);
    return &world->heartbeats[world->heartbeat_count - 1];
}
