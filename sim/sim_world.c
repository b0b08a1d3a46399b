/* The world of the simulated devices: what a device asks for (struct device_world) done with libevent, MQTT and HTTP,
 * and what happens out there brought to the device it concerns. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/online.h"
#include "sim/sim.h"

#define ANSWER_MAX 8192

struct actor *sim_actor(struct device *device)
{
    return (struct actor *)(void *)device; /* its first member */
}
_Static_assert(offsetof(struct actor, device) == 0, "sim_actor() relies on it");

struct link *sim_link_of(struct sim *sim, uint32_t index)
{
    return &sim->links[index % sim->link_count];
}

static bool has_own_link(const struct sim *sim)
{
    return sim->options->connections == 0;
}

/* What a device asks for. */

static void world_publish(void *arg, struct device *device, enum topic_kind kind, const void *bytes, size_t length, unsigned qos, bool retain)
{
    struct sim *sim = arg;
    struct topic topic = {.kind = kind};
    char text[TOPIC_SIZE];

    (void)text_copy(topic.device_id, sizeof topic.device_id, device->id);
    (void)topic_write(&topic, text);
    (void)mqtt_outbox_publish(&sim_link_of(sim, device->index)->outbox, text, (struct mqtt_view){bytes, length}, qos, retain);
}

static void world_timer(void *arg, struct device *device, enum device_timer timer, int64_t wait_ms)
{
    struct event *event = sim_actor(device)->timers[timer];
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    (void)arg;
    if (wait_ms < 0)
        (void)event_del(event);
    else
        (void)event_add(event, &wait);
}

static void download_progressed(void *arg, unsigned percent)
{
    struct actor *actor = arg;

    actor->sim->activity_ms = clock_mono_ms();
    device_progress(&actor->device, percent);
}

static void package_judged(void *arg, enum error_code code, const char *text)
{
    struct actor *actor = arg;

    if (code)
        device_refused(&actor->device, code, text);
    else
        device_downloaded(&actor->device, DOWNLOAD_OK);
}

/* A managed device verifies what it has before it installs it. */
static void download_ended(void *arg, enum download_result result, int64_t bytes)
{
    struct actor *actor = arg;
    struct device *device = &actor->device;

    actor->download = NULL;
    device->download_bytes += bytes;
    if (result == DOWNLOAD_OK && actor->sim->judge && device->kind == KIND_MANAGED)
        judge_ask(actor->sim->judge, &device->order, &(struct judge_device){device->id, device->model, device_version(device)}, package_judged, actor);
    else
        device_downloaded(device, result);
}

static void world_download(void *arg, struct device *device, unsigned cuts)
{
    static const struct download_handler handler = {.progress = download_progressed, .done = download_ended};
    struct sim *sim = arg;
    struct actor *actor = sim_actor(device);
    struct download_request request = {
        .url = device->order.url, .device = device->id, .size_bytes = device->order.size_bytes, .sha256 = device->order.sha256,
        .chunk_bytes = sim->options->chunk_bytes, .cuts = cuts, .seed = device_random(device),
    };

    device->download_cuts += cuts;
    if (sim->judge && device->kind == KIND_MANAGED)
        judge_prepare(sim->judge, &device->order, device->id);
    actor->download = download_start(sim->http, sim->base, &request, &handler, actor, &sim->download_totals);
    if (!actor->download)
        device_downloaded(device, DOWNLOAD_HTTP);
}

static void forget_ask(struct actor *actor)
{
    free(actor->answer);
    actor->ask = NULL;
    actor->answer = NULL;
    actor->answer_length = 0;
}

static void world_download_cancel(void *arg, struct device *device)
{
    struct actor *actor = sim_actor(device);
    struct sim *sim = arg;

    device->download_bytes += download_cancel(actor->download);
    actor->download = NULL;
    if (sim->judge)
        judge_forget(sim->judge, actor);
    http_cancel(actor->ask);
    forget_ask(actor);
}

static bool ask_body(void *arg, const void *bytes, size_t length)
{
    struct actor *actor = arg;

    if (length > ANSWER_MAX - actor->answer_length || (!actor->answer && !(actor->answer = malloc(ANSWER_MAX))))
        return false;
    memcpy(actor->answer + actor->answer_length, bytes, length);
    actor->answer_length += length;
    return true;
}

static void ask_done(void *arg, enum http_end end, const struct http_head *head)
{
    struct actor *actor = arg;
    char *answer = actor->answer;
    size_t length = actor->answer_length;

    actor->answer = NULL;
    forget_ask(actor);
    device_answered(&actor->device, end == HTTP_DONE ? head->status : 0, answer ? answer : "", length, head->retry_after_s);
    free(answer);
}

/* Ids, models and versions only have characters that a query may hold, but for '+' in versions. */
static void ask_url(const struct device *device, char *ret, size_t size)
{
    char version[3 * VERSION_SIZE], *at = version;

    for (const char *c = device_version(device); *c; c++) {
        if (*c == '+') {
            memcpy(at, "%2B", 3);
            at += 3;
        } else {
            *at++ = *c;
        }
    }
    *at = '\0';
    (void)snprintf(ret, size, "%s?device_model=%s&current_version=%s&device_id=%s", device->notice->url, device->model, version, device->id);
}

static void world_ask(void *arg, struct device *device)
{
    static const struct http_handler handler = {NULL, ask_body, ask_done};
    struct sim *sim = arg;
    struct actor *actor = sim_actor(device);
    char url[URL_SIZE + 512];
    struct http_request request = {.url = url, .device = device->id, .first = -1};

    if (device->notice) {
        ask_url(device, url, sizeof url);
        actor->ask = http_get(sim->http, &request, &handler, actor);
    }
    if (!actor->ask)
        device_answered(device, 0, "", 0, 0);
}

/* On a connection of its own a device vanishes with it, and its last will speaks. On a shared one that is said for it. */
static void world_power(void *arg, struct device *device, bool on)
{
    struct sim *sim = arg;
    struct link *link = sim_link_of(sim, device->index);
    bool was = sim_actor(device)->powered;

    sim_actor(device)->powered = on;
    if (has_own_link(sim)) {
        if (on)
            mqtt_client_connect(link->client);
        else
            mqtt_client_close(link->client, MQTT_CLOSE_VANISH);
    } else if (on && mqtt_client_is_up(link->client)) {
        device_connected(device);
    } else if (!on && was) {
        device_say_online(device, false);
    }
}

static void world_busy(void *arg, struct device *device)
{
    struct sim *sim = arg;

    (void)device;
    sim->activity_ms = clock_mono_ms();
}

static int64_t world_mono_ms(void *arg)
{
    (void)arg;
    return clock_mono_ms();
}

static int64_t world_unix_ms(void *arg)
{
    (void)arg;
    return clock_unix_ms();
}

void sim_world_init(struct sim *sim)
{
    sim->plan.world = (struct device_world){
        .arg = sim,
        .publish = world_publish,
        .timer = world_timer,
        .download = world_download,
        .download_cancel = world_download_cancel,
        .ask = world_ask,
        .power = world_power,
        .busy = world_busy,
        .mono_ms = world_mono_ms,
        .unix_ms = world_unix_ms,
    };
}

static void actor_due(struct actor *actor, enum device_timer timer)
{
    device_timer_fired(&actor->device, timer);
}

void sim_heartbeat_due(int fd, short what, void *actor)
{
    (void)fd;
    (void)what;
    actor_due(actor, TIMER_HEARTBEAT);
}

void sim_step_due(int fd, short what, void *actor)
{
    (void)fd;
    (void)what;
    actor_due(actor, TIMER_STEP);
}

void sim_held_due(int fd, short what, void *actor)
{
    (void)fd;
    (void)what;
    actor_due(actor, TIMER_HELD);
}

void sim_actor_silence(struct actor *actor)
{
    for (unsigned i = 0; i < TIMER_COUNT; i++)
        (void)event_del(actor->timers[i]);
    world_download_cancel(actor->sim, &actor->device);
}

/* What comes from the connections. Device k of a link is the actor at number + k * links. */

static uint32_t links_count(void *arg, unsigned link)
{
    struct sim *sim = arg;

    return (sim->count - link + sim->link_count - 1) / sim->link_count;
}

static struct actor *actor_at(struct sim *sim, unsigned link, uint32_t k)
{
    return &sim->actors[link + k * sim->link_count];
}

/* Simple devices of one model share the filter of the first of them: it takes the second half of a link's devices at most. */
static bool model_came_before(struct sim *sim, unsigned link, uint32_t k)
{
    const char *model = actor_at(sim, link, k)->device.model;

    while (k-- > 0 && actor_at(sim, link, k)->device.kind == KIND_SIMPLE)
        if (actor_at(sim, link, k)->device.model == model)
            return true;
    return false;
}

static bool links_filter(void *arg, unsigned link, uint32_t k, char ret[TOPIC_SIZE])
{
    struct sim *sim = arg;
    const struct device *device = &actor_at(sim, link, k)->device;
    struct topic topic = {.kind = device->kind == KIND_SIMPLE ? TOPIC_NOTICE : TOPIC_COMMAND};

    if (device->kind == KIND_SIMPLE && model_came_before(sim, link, k))
        return false;
    (void)text_copy(topic.model, sizeof topic.model, device->model);
    (void)text_copy(topic.device_id, sizeof topic.device_id, device->id);
    (void)topic_write(&topic, ret);
    return true;
}

static void links_up(void *arg, unsigned link)
{
    struct sim *sim = arg;
    uint32_t count = links_count(sim, link);

    for (uint32_t k = 0; k < count; k++)
        if (actor_at(sim, link, k)->powered)
            device_connected(&actor_at(sim, link, k)->device);
}

static void links_down(void *arg, unsigned link)
{
    struct sim *sim = arg;
    uint32_t count = links_count(sim, link);

    for (uint32_t k = 0; k < count; k++)
        device_disconnected(&actor_at(sim, link, k)->device);
}

static void take_notice(struct sim *sim, unsigned link, const struct topic *topic, struct mqtt_view payload)
{
    uint32_t count = links_count(sim, link);

    for (uint32_t k = 0; k < count; k++) {
        struct device *device = &actor_at(sim, link, k)->device;

        if (device->kind == KIND_SIMPLE && strcmp(device->model, topic->model) == 0)
            device_notice(device, (const char *)payload.bytes, payload.length);
    }
}

static void links_message(void *arg, unsigned link, const struct topic *topic, struct mqtt_view payload)
{
    struct sim *sim = arg;
    uint32_t index;

    if (topic->kind == TOPIC_NOTICE) {
        take_notice(sim, link, topic, payload);
    } else if (topic->kind == TOPIC_COMMAND && fleet_index(sim->options->prefix, topic->device_id, &index) && index < sim->count &&
               sim_link_of(sim, index) == &sim->links[link]) {
        device_command(&sim->actors[index].device, (const char *)payload.bytes, payload.length);
    } else {
        sim->link_totals.foreign++;
    }
}

const struct link_owner sim_links = {links_count, links_filter, links_up, links_down, links_message};
