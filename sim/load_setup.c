/* What load mode needs before the first message: connections, templates, timers. */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sim/files.h"
#include "sim/load_inside.h"

#define DEFAULT_CONNECTIONS 4
#define BACKOFF_BASE_MS 500
#define BACKOFF_CAP_MS 10000
#define CONNECT_TIMEOUT_MS 15000

static bool make_link(struct load *load, unsigned number, uint32_t devices)
{
    struct load_link *link = &load->links[number];
    uint64_t count = (uint64_t)load->options->count;
    char id[64];

    link->load = load;
    link->number = number;
    link->devices = (devices - number + load->link_count - 1) / load->link_count;
    link->errands = load->options->obey ? errands_new(load->options) : NULL;
    link->total = load->options->obey ? 0 : count / load->link_count + (number < count % load->link_count ? 1 : 0);
    link->messages = calloc(LOAD_IDS, sizeof *link->messages);
    (void)snprintf(id, sizeof id, "%s%s-%u", load->options->prefix, load->options->obey ? "obey" : "load", number);
    link->client = mqtt_client_new(&load->mqtt, id, NULL, (struct mqtt_view){NULL, 0}, link);
    return link->client && link->messages && (link->errands || !load->options->obey);
}

static bool make_events(struct load *load)
{
    struct timeval tick = {.tv_usec = LOAD_TICK_MS * 1000}, stats = {.tv_sec = load->options->stats_s};

    load->tick = event_new(load->base, -1, EV_PERSIST, load_tick_due, load);
    load->stats = event_new(load->base, -1, EV_PERSIST, load_stats_due, load);
    load->signals[0] = evsignal_new(load->base, SIGTERM, load_signalled, load);
    load->signals[1] = evsignal_new(load->base, SIGINT, load_signalled, load);
    if (!load->tick || !load->stats || !load->signals[0] || !load->signals[1])
        return false;
    if (load->options->stats_s > 0)
        (void)event_add(load->stats, &stats);
    return event_add(load->tick, &tick) == 0 && event_add(load->signals[0], NULL) == 0 && event_add(load->signals[1], NULL) == 0;
}

static void configure_mqtt(struct load *load)
{
    const struct options *options = load->options;

    load->mqtt.base = load->base;
    load->mqtt.version = options->mqtt_version == 0 ? MQTT_5 : MQTT_311;
    load->mqtt.username = options->username[0] ? options->username : NULL;
    load->mqtt.password = load->password[0] ? load->password : NULL;
    load->mqtt.keepalive_s = (uint16_t)options->keepalive_s;
    load->mqtt.session_expiry_s = (uint32_t)options->session_expiry_s;
    load->mqtt.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    load->mqtt.backoff_base_ms = BACKOFF_BASE_MS;
    load->mqtt.backoff_cap_ms = BACKOFF_CAP_MS;
    load->mqtt.packet_max = LOAD_BATCH_BYTES;
    load->mqtt.handler = &load_handler;
    load->mqtt.totals = &load->totals;
}

static enum drover_error make_templates(struct load *load, struct problem *ret_problem)
{
    const struct options *options = load->options;
    enum drover_error error = fleet_models_read(options->models, options->firmware, &load->models, ret_problem);

    for (unsigned i = 0; !error && i < load->models.count; i++)
        if (!load_template_make(&load->templates[i], load->mqtt.version, options->prefix, &load->models.items[i], (unsigned)options->heartbeat_qos))
            error = problem_set(ret_problem, DROVER_TOO_LONG, "models", "the heartbeat does not fit");
    return error;
}

enum drover_error load_set_up(struct load *load, struct problem *ret_problem)
{
    const struct options *options = load->options;
    uint32_t devices = (uint32_t)(options->devices + options->simple);
    enum drover_error error = mqtt_address_read(options->mqtt, &load->mqtt.address, ret_problem);

    if (error)
        return error;
    if (options->password_file[0] && !files_read_line(options->password_file, load->password, sizeof load->password))
        return problem_set(ret_problem, DROVER_IO, "password-file", "%s cannot be read", options->password_file);
    load->link_count = options->connections > 0 ? (unsigned)options->connections : DEFAULT_CONNECTIONS;
    load->link_count = load->link_count > devices ? devices : load->link_count;
    load->base = event_base_new();
    load->links = calloc(load->link_count, sizeof *load->links);
    load->batch = malloc(LOAD_BATCH_BYTES);
    if (!load->base || !load->links || !load->batch)
        return problem_set(ret_problem, DROVER_MEMORY, "load", "out of memory");
    configure_mqtt(load);
    error = make_templates(load, ret_problem);
    for (unsigned i = 0; !error && i < load->link_count; i++)
        if (!make_link(load, i, devices))
            error = problem_set(ret_problem, DROVER_MEMORY, "load", "out of memory");
    if (!error && !make_events(load))
        error = problem_set(ret_problem, DROVER_MEMORY, "load", "out of memory");
    return error;
}

void load_tear_down(struct load *load)
{
    struct event *events[] = {load->tick, load->stats, load->signals[0], load->signals[1]};

    for (unsigned i = 0; load->links && i < load->link_count; i++) {
        mqtt_client_free(load->links[i].client);
        free(load->links[i].messages);
        errands_free(load->links[i].errands);
    }
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    if (load->base)
        event_base_free(load->base);
    free(load->links);
    free(load->batch);
    explicit_bzero(load->password, sizeof load->password);
}
