/* From the options to a running fleet and to its end: set up, switch on at a rate, watch for the end, say goodbye. */
#include "sim/sim.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "proto/online.h"
#include "sim/files.h"
#include "sim/stats.h"
#include "sim/truth.h"

#define RAMP_MS 20
#define WATCH_MS 100
#define GOODBYE_MS 3000           /* for what is still unacknowledged when it ends */
#define FILES_BESIDE 64           /* open files that are neither connections nor transfers */
#define OUTBOX_PER_DEVICE 64      /* messages kept for a device that cannot send them now */
#define OUTBOX_SHARED 1000
#define BACKOFF_CAP_MS 30000
#define PACKET_MAX 65536

static void ramp_due(evutil_socket_t fd, short what, void *arg);
static void watch_due(evutil_socket_t fd, short what, void *arg);
static void stats_due(evutil_socket_t fd, short what, void *arg);
static void signalled(evutil_socket_t number, short what, void *arg);

static void set_timer(struct event *event, int64_t wait_ms)
{
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    (void)event_add(event, &wait);
}

static enum drover_error fail(const char *what, const struct problem *problem)
{
    (void)fprintf(stderr, "drover-sim: %s: %s\n", what, problem ? problem->what : strerror(errno));
    return problem ? problem->error : DROVER_IO;
}

static enum drover_error configure_mqtt(struct sim *sim)
{
    const struct options *options = sim->options;
    struct problem problem;
    enum drover_error error = mqtt_address_read(options->mqtt, &sim->mqtt.address, &problem);

    if (error)
        return fail("--mqtt", &problem);
    if (sim->mqtt.address.tls || options->ca[0] || options->certificates[0]) {
        sim->tls = sim->mqtt.tls = tls_new(options->ca, options->certificates, &problem);
        if (!sim->tls)
            return fail("TLS", &problem);
    }
    if (options->password_file[0] && !files_read_line(options->password_file, sim->password, sizeof sim->password))
        return fail(options->password_file, NULL);
    sim->mqtt.base = sim->base;
    sim->mqtt.version = options->mqtt_version == 0 ? MQTT_5 : MQTT_311;
    sim->mqtt.username = options->username[0] ? options->username : NULL;
    sim->mqtt.password = sim->password[0] ? sim->password : NULL;
    sim->mqtt.keepalive_s = (uint16_t)options->keepalive_s;
    sim->mqtt.session_expiry_s = (uint32_t)options->session_expiry_s;
    sim->mqtt.connect_timeout_ms = 15000;
    sim->mqtt.backoff_base_ms = 500 + 1000 * (int64_t)sim->link_count / options->connect_rate; /* a herd comes back no faster than it came */
    sim->mqtt.backoff_cap_ms = BACKOFF_CAP_MS;
    sim->mqtt.packet_max = PACKET_MAX;
    sim->mqtt.handler = &link_handler;
    sim->mqtt.totals = &sim->mqtt_totals;
    buffer_init(&sim->will, 256);
    online_write(false, &sim->will);
    return sim->will.failed ? DROVER_MEMORY : DROVER_OK;
}

static bool make_actor(struct sim *sim, uint32_t index)
{
    static void (*const due[TIMER_COUNT])(evutil_socket_t, short, void *) = {
        [TIMER_HEARTBEAT] = sim_heartbeat_due, [TIMER_STEP] = sim_step_due, [TIMER_HELD] = sim_held_due,
    };
    struct actor *actor = &sim->actors[index];

    actor->sim = sim;
    fleet_device(sim->options, &sim->models, &sim->plan, index, &actor->device);
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        actor->timers[i] = evtimer_new(sim->base, due[i], actor);
        if (!actor->timers[i])
            return false;
    }
    return true;
}

/* Better at once than one device after the other later. */
static bool has_certificate(const struct sim *sim, const char *device)
{
    struct tls_paths paths;

    return tls_paths(sim->tls, device, &paths) && access(paths.certificate, R_OK) == 0 && access(paths.key, R_OK) == 0;
}

static bool make_link(struct sim *sim, unsigned number)
{
    struct mqtt_view will = {(const uint8_t *)sim->will.bytes, sim->will.length};
    struct topic topic = {.kind = TOPIC_ONLINE};
    char id[ID_SIZE + 8], will_topic[TOPIC_SIZE];
    size_t limit = OUTBOX_SHARED + OUTBOX_PER_DEVICE * (size_t)(sim->count / sim->link_count);

    if (sim->options->connections > 0) {
        (void)snprintf(id, sizeof id, "%slink-%u", sim->options->prefix, number);
        return link_init(&sim->links[number], number, &sim->mqtt, id, NULL, will, (size_t)sim->options->window, limit, &sim_links, sim,
                         &sim->link_totals);
    }
    (void)text_copy(topic.device_id, sizeof topic.device_id, sim->actors[number].device.id);
    (void)topic_write(&topic, will_topic);
    return link_init(&sim->links[number], number, &sim->mqtt, topic.device_id, will_topic, will, (size_t)sim->options->window,
                     OUTBOX_PER_DEVICE, &sim_links, sim, &sim->link_totals);
}

static enum drover_error make_fleet(struct sim *sim)
{
    struct problem problem;

    sim->actors = calloc(sim->count, sizeof *sim->actors);
    sim->links = calloc(sim->link_count, sizeof *sim->links);
    sim->http = http_new(sim->base, sim->tls, (unsigned)sim->options->downloads);
    if (!sim->actors || !sim->links || !sim->http)
        return DROVER_MEMORY;
    if (sim->options->trust[0]) {
        sim->judge = judge_new(sim->http, sim->base, sim->options->trust, &problem);
        if (!sim->judge)
            return fail("--trust", &problem);
    }
    for (uint32_t i = 0; i < sim->count; i++)
        if (!make_actor(sim, i))
            return DROVER_MEMORY;
        else if (sim->options->certificates[0] && !has_certificate(sim, sim->actors[i].device.id))
            return fail(sim->actors[i].device.id, &(struct problem){.error = DROVER_MISSING, .what = "no certificate or no key in --certificates"});
    for (unsigned i = 0; i < sim->link_count; i++)
        if (!make_link(sim, i))
            return DROVER_MEMORY;
    return DROVER_OK;
}

static bool make_events(struct sim *sim)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};

    sim->ramp = event_new(sim->base, -1, EV_PERSIST, ramp_due, sim);
    sim->watch = event_new(sim->base, -1, EV_PERSIST, watch_due, sim);
    sim->stats = event_new(sim->base, -1, EV_PERSIST, stats_due, sim);
    if (!sim->ramp || !sim->watch || !sim->stats)
        return false;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sim->signals[i] = evsignal_new(sim->base, numbers[i], signalled, sim);
        if (!sim->signals[i] || event_add(sim->signals[i], NULL) != 0)
            return false;
    }
    set_timer(sim->ramp, RAMP_MS);
    set_timer(sim->watch, WATCH_MS);
    if (sim->options->stats_s > 0)
        set_timer(sim->stats, sim->options->stats_s * 1000);
    return true;
}

static void make_plan(struct sim *sim)
{
    const struct options *options = sim->options;

    sim_world_init(sim);
    sim->plan.seed = (uint64_t)options->seed;
    sim->plan.heartbeat_ms = options->heartbeat_ms;
    sim->plan.step_ms = options->step_ms;
    sim->plan.reboot_ms = options->reboot_ms;
    sim->plan.poll_ms = options->poll_ms;
    sim->plan.heartbeat_qos = (unsigned)options->heartbeat_qos;
    sim->plan.simple_says_kind = options->simple_says_kind;
    (void)text_copy(sim->plan.time_zones, sizeof sim->plan.time_zones, options->time_zones);
    (void)text_copy(sim->plan.faulty_version, sizeof sim->plan.faulty_version, options->faulty_version);
}

static enum drover_error set_up(struct sim *sim)
{
    const struct options *options = sim->options;
    struct problem problem;
    enum drover_error error = fleet_models_read(options->models, options->firmware, &sim->models, &problem);

    if (error)
        return fail("--models", &problem);
    sim->count = (uint32_t)(options->devices + options->simple);
    sim->link_count = options->connections == 0 ? sim->count : (unsigned)options->connections;
    if (sim->link_count > sim->count)
        sim->link_count = sim->count;
    if (!files_allow(sim->link_count + (uint64_t)options->downloads + FILES_BESIDE, &problem))
        return fail("open files", &problem);
    make_plan(sim);
    sim->base = event_base_new();
    if (!sim->base)
        return DROVER_MEMORY;
    error = configure_mqtt(sim);
    if (!error)
        error = make_fleet(sim);
    if (!error && !make_events(sim))
        error = DROVER_MEMORY;
    return error;
}

static void tear_down(struct sim *sim)
{
    struct event *events[] = {sim->ramp, sim->watch, sim->stats, sim->signals[0], sim->signals[1], sim->signals[2]};

    for (uint32_t i = 0; sim->actors && i < sim->count; i++) {
        struct actor *actor = &sim->actors[i];

        (void)download_cancel(actor->download);
        free(actor->answer);
        for (unsigned j = 0; j < TIMER_COUNT; j++)
            if (actor->timers[j])
                event_free(actor->timers[j]);
        device_done(&actor->device);
    }
    for (unsigned i = 0; sim->links && i < sim->link_count; i++)
        link_done(&sim->links[i]);
    judge_free(sim->judge);
    http_free(sim->http);
    tls_free(sim->tls);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    buffer_done(&sim->will);
    free(sim->actors);
    free(sim->links);
    if (sim->base)
        event_base_free(sim->base);
    explicit_bzero(sim->password, sizeof sim->password);
}

static void ramp_due(evutil_socket_t fd, short what, void *arg)
{
    struct sim *sim = arg;
    int64_t due = (clock_mono_ms() - sim->began_ms) * sim->options->connect_rate / 1000 + 1;

    (void)fd;
    (void)what;
    while (sim->started < sim->count && sim->started < due) {
        device_start(&sim->actors[sim->started++].device);
        sim->activity_ms = clock_mono_ms();
    }
    if (sim->started == sim->count)
        (void)event_del(sim->ramp);
}

static void write_truth(struct sim *sim)
{
    if (sim->options->truth[0] && truth_write(sim, sim->options->truth) != DROVER_OK)
        sim->result = fail(sim->options->truth, NULL);
}

/* The truth is taken first; then nothing of the devices moves any more, and they sign off. */
static void stop(struct sim *sim)
{
    if (sim->stop_by_ms > 0)
        return;
    sim->stop_by_ms = clock_mono_ms() + GOODBYE_MS;
    write_truth(sim);
    (void)event_del(sim->ramp);
    for (uint32_t i = 0; i < sim->count; i++) {
        struct actor *actor = &sim->actors[i];

        sim_actor_silence(actor);
        if (actor->powered && !sim->options->vanish && mqtt_client_is_up(sim_link_of(sim, i)->client))
            device_say_online(&actor->device, false);
        actor->powered = false;
    }
    if (sim->options->vanish)
        (void)event_base_loopbreak(sim->base);
}

static bool is_quiet(const struct sim *sim)
{
    if (sim->started < sim->count || clock_mono_ms() - sim->activity_ms < sim->options->until_quiet_s * 1000)
        return false;
    for (uint32_t i = 0; i < sim->count; i++)
        if (!device_is_quiet(&sim->actors[i].device))
            return false;
    return true;
}

/* Links whose messages are all acknowledged close; the loop ends when all are closed, or the time is over. */
static void goodbye(struct sim *sim)
{
    bool late = clock_mono_ms() >= sim->stop_by_ms, all_closed = true;

    for (unsigned i = 0; i < sim->link_count; i++) {
        struct link *link = &sim->links[i];

        if (late || link->outbox.count == 0 || !mqtt_client_is_up(link->client))
            mqtt_client_close(link->client, MQTT_CLOSE_FORGET);
        all_closed = all_closed && mqtt_client_is_closed(link->client);
    }
    if (all_closed || clock_mono_ms() >= sim->stop_by_ms + GOODBYE_MS)
        (void)event_base_loopbreak(sim->base);
}

static void watch_due(evutil_socket_t fd, short what, void *arg)
{
    struct sim *sim = arg;
    const struct options *options = sim->options;

    (void)fd;
    (void)what;
    if (sim->stop_by_ms > 0)
        goodbye(sim);
    else if ((options->duration_s > 0 && clock_mono_ms() - sim->began_ms >= options->duration_s * 1000) ||
             (options->until_quiet_s > 0 && is_quiet(sim)))
        stop(sim);
}

static void stats_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    stats_print(arg, stderr);
}

static void signalled(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    if (number == SIGUSR1)
        write_truth(arg);
    else
        stop(arg);
}

enum drover_error sim_run(const struct options *options)
{
    struct sim *sim = calloc(1, sizeof *sim);
    enum drover_error error = DROVER_MEMORY;

    if (!sim)
        return error;
    sim->options = options;
    sim->began_ms = sim->activity_ms = clock_mono_ms();
    error = set_up(sim);
    if (!error) {
        for (unsigned i = 0; options->connections > 0 && i < sim->link_count; i++)
            mqtt_client_connect(sim->links[i].client);
        (void)event_base_dispatch(sim->base);
        error = sim->result;
        if (options->json || options->stats_s > 0)
            stats_print(sim, options->json ? stdout : stderr);
    }
    tear_down(sim);
    free(sim);
    return error;
}
