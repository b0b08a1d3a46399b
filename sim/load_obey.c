/* See load_obey.h. Everybody takes the same time for a step, so one ring is in the order in which they go on. */
#include "sim/load_obey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "proto/command.h"
#include "proto/heartbeat.h"
#include "proto/report.h"
#include "proto/topics.h"
#include "sim/fleet.h"

#define RING_FIRST 1024
#define SALT_REBOOT UINT64_C(0x6f626579)

static const enum report_state steps[] = {REPORT_ACKNOWLEDGED, REPORT_DOWNLOADING, REPORT_INSTALLING, REPORT_VERIFYING};
#define STEPS (sizeof steps / sizeof steps[0])

struct errand {
    uint32_t index;
    unsigned step;
    int64_t attempt;
    int64_t next_ms;         /* when it goes on, monotonic */
    char model[ID_SIZE];
    char upgrade_id[UPGRADE_ID_SIZE];
    char version[VERSION_SIZE];
};

struct errands {
    const struct options *options;
    struct errand *ring;     /* owned */
    size_t size, first, count;
    struct buffer payload;   /* of the packet that is being made */
};

struct errands *errands_new(const struct options *options)
{
    struct errands *errands = calloc(1, sizeof *errands);

    if (!errands)
        return NULL;
    errands->options = options;
    buffer_init(&errands->payload, MESSAGE_SIZE);
    return errands;
}

void errands_free(struct errands *errands)
{
    if (!errands)
        return;
    buffer_done(&errands->payload);
    free(errands->ring);
    free(errands);
}

/* Twice the room; what stood at the beginning of the full ring moves behind its old end. */
static bool grow(struct errands *errands)
{
    size_t size = errands->size ? 2 * errands->size : RING_FIRST;
    struct errand *larger = realloc(errands->ring, size * sizeof *larger);

    if (!larger)
        return false;
    memcpy(larger + errands->size, larger, errands->first * sizeof *larger);
    errands->ring = larger;
    errands->size = size;
    return true;
}

bool errands_take(struct errands *errands, const struct mqtt_publish *publish, int64_t now_ms)
{
    struct command command;
    struct topic topic;
    struct problem problem;
    struct errand *errand;
    uint32_t index;

    if (topic_read((const char *)publish->topic.bytes, publish->topic.length, &topic, &problem) != DROVER_OK || topic.kind != TOPIC_COMMAND ||
        !fleet_index(errands->options->prefix, topic.device_id, &index) ||
        command_read((const char *)publish->payload.bytes, publish->payload.length, &command, &problem) != DROVER_OK || command.kind != COMMAND_UPDATE)
        return true;
    if (errands->count == errands->size && !grow(errands))
        return false;
    errand = &errands->ring[(errands->first + errands->count++) % errands->size];
    *errand = (struct errand){.index = index, .attempt = command.attempt, .next_ms = now_ms + errands->options->step_ms};
    (void)text_copy(errand->model, sizeof errand->model, topic.model);
    (void)text_copy(errand->upgrade_id, sizeof errand->upgrade_id, command.upgrade_id);
    (void)text_copy(errand->version, sizeof errand->version, command.version);
    return true;
}

bool errands_wait(const struct errands *errands)
{
    return errands->count > 0;
}

bool errands_ready(const struct errands *errands, int64_t now_ms)
{
    return errands->count > 0 && errands->ring[errands->first].next_ms <= now_ms;
}

static void report_put(const struct errand *errand, const char *device_id, struct buffer *payload)
{
    struct report report = {.attempt = errand->attempt, .seq = errand->step, .state = steps[errand->step], .progress = ABSENT};

    (void)text_copy(report.device_id, sizeof report.device_id, device_id);
    (void)text_copy(report.upgrade_id, sizeof report.upgrade_id, errand->upgrade_id);
    report_write(&report, payload);
}

/* What it says of itself is what the load's heartbeats say (load_template.c), but for version, boot and uptime. */
static void heartbeat_put(const struct errands *errands, const struct errand *errand, struct buffer *payload)
{
    struct heartbeat heartbeat = {
        .hw_rev = "B2", .status = "idle", .slot = 'b', .uptime_s = 1, .seq = 1, .network = "wifi", .rssi_dbm = -61, .battery_pct = ABSENT,
        .priority = "normal", .kind = KIND_MANAGED,
    };

    (void)text_copy(heartbeat.model, sizeof heartbeat.model, errand->model);
    (void)text_copy(heartbeat.version, sizeof heartbeat.version, errand->version);
    (void)snprintf(heartbeat.boot_id, sizeof heartbeat.boot_id, "%016llx",
                   (unsigned long long)hash_mix(hash_mix((uint64_t)errands->options->seed ^ SALT_REBOOT) + errand->index));
    heartbeat_write(&heartbeat, payload);
}

/* The first in the ring goes on, or is done. A full ring has room for it again, because it left. */
static void advance(struct errands *errands, int64_t now_ms)
{
    struct errand errand = errands->ring[errands->first];

    errands->first = (errands->first + 1) % errands->size;
    errands->count--;
    if (errand.step++ == STEPS)
        return;
    errand.next_ms = now_ms + errands->options->step_ms;
    errands->ring[(errands->first + errands->count++) % errands->size] = errand;
}

void errands_say(struct errands *errands, int64_t now_ms, uint16_t packet_id, struct buffer *out)
{
    const struct errand *errand = &errands->ring[errands->first];
    struct topic topic = {.kind = errand->step < STEPS ? TOPIC_REPORT : TOPIC_HEARTBEAT};
    char text[TOPIC_SIZE];

    fleet_id(errands->options->prefix, errand->index, topic.device_id);
    (void)topic_write(&topic, text);
    buffer_clear(&errands->payload);
    if (errand->step < STEPS)
        report_put(errand, topic.device_id, &errands->payload);
    else
        heartbeat_put(errands, errand, &errands->payload);
    mqtt_publish_write(errands->options->mqtt_version == 0 ? MQTT_5 : MQTT_311, text,
                       (struct mqtt_view){(const uint8_t *)errands->payload.bytes, errands->payload.length}, 1, false, packet_id, out);
    out->failed |= errands->payload.failed;
    advance(errands, now_ms);
}
