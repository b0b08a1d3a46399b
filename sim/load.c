/* Messages are numbered per connection: number j is heartbeat j / devices of device j % devices. So a device costs no memory
 * at all, and what is in flight is one number per packet id, from which the same bytes can be made again after a loss. */
#include "sim/load_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"

#define UNSENT_MAX (512 * 1024)
#define GOODBYE_MS 2000
#define SALT_BOOT UINT64_C(0x6c6f6164)

static void load_connected(void *arg, const struct mqtt_connack *connack);
static void load_acknowledged(void *arg, const struct mqtt_ack *ack);
static void load_drained(void *arg);
static void load_lost(void *arg, const char *why);
static void load_received(void *arg, const struct mqtt_publish *publish);
static void load_subscribed(void *arg, const struct mqtt_ack *ack);
const struct mqtt_handler load_handler = {load_connected, load_lost, load_received, load_acknowledged, load_subscribed, load_drained};

static size_t fill(const struct load_link *link, char *dst, uint64_t message, uint16_t id, bool dup)
{
    struct load *load = link->load;
    uint32_t index = link->number + (uint32_t)(message % link->devices) * load->link_count;
    uint64_t seed = (uint64_t)load->options->seed;
    const struct fleet_model *model = fleet_model_of(&load->models, seed, index);
    const struct load_template *template = &load->templates[model - load->models.items];
    uint32_t uptime_s = (uint32_t)((clock_mono_us() - load->began_us) / 1000000);

    load_template_fill(template, dst, index, hash_mix(hash_mix(seed ^ SALT_BOOT) + index), uptime_s, message / link->devices + (uint64_t)load->options->sent_before, id, dup);
    return template->length;
}

/* The next id that is not in flight; there always is one, because the window is smaller than the space of ids. */
static uint16_t id_next(struct load_link *link)
{
    do {
        link->last_id = (uint16_t)(link->last_id == UINT16_MAX ? 1 : link->last_id + 1);
    } while (link->messages[link->last_id] != 0);
    return link->last_id;
}

/* How many heartbeats the rate allows by now, beyond those sent. */
static uint64_t allowance(const struct load *load)
{
    uint64_t due;

    if (load->options->rate == 0)
        return UINT64_MAX;
    if (load->first_us == 0)
        return (uint64_t)load->options->rate * LOAD_TICK_MS / 1000 + 1;
    due = (uint64_t)(clock_mono_us() - load->first_us) * (uint64_t)load->options->rate / 1000000;
    return due > load->sent ? due - load->sent : 0;
}

static bool may_send(const struct load_link *link)
{
    return link->next < link->total && (link->load->options->heartbeat_qos == 0 || link->in_flight < link->window);
}

/* Sends what window, rate and socket allow, in batches of one write. */
static void push(struct load_link *link, uint64_t most)
{
    struct load *load = link->load;
    size_t length = 0;

    if (!mqtt_client_is_up(link->client) || mqtt_client_unsent(link->client) > UNSENT_MAX)
        return;
    while (most > 0 && may_send(link)) {
        uint16_t id = 0;

        if (load->options->heartbeat_qos > 0) {
            id = id_next(link);
            link->messages[id] = link->next + 1;
            link->in_flight++;
        }
        length += fill(link, load->batch + length, link->next++, id, false);
        load->sent++;
        most--;
        if (length + LOAD_PACKET_MAX > LOAD_BATCH_BYTES) {
            mqtt_client_send(link->client, load->batch, length);
            length = 0;
            if (mqtt_client_unsent(link->client) > UNSENT_MAX)
                break;
        }
    }
    if (length > 0)
        mqtt_client_send(link->client, load->batch, length);
    if (load->first_us == 0 && load->sent > 0)
        load->first_us = clock_mono_us();
}

/* As much as the window and the socket allow. */
static void push_errands(struct load_link *link)
{
    struct load *load = link->load;
    struct buffer packets;
    int64_t now_ms = clock_mono_ms();

    if (!link->errands || !mqtt_client_is_up(link->client))
        return;
    buffer_init(&packets, 0);
    while (errands_ready(link->errands, now_ms) && link->in_flight < link->window && packets.length < LOAD_BATCH_BYTES) {
        uint16_t id = id_next(link);

        link->messages[id] = 1;
        link->in_flight++;
        load->sent++;
        errands_say(link->errands, now_ms, id, &packets);
    }
    if (packets.failed)
        load->refused++;
    else if (packets.length > 0)
        mqtt_client_send(link->client, packets.bytes, packets.length);
    buffer_done(&packets);
    if (load->first_us == 0 && load->sent > 0)
        load->first_us = clock_mono_us();
}

/* Every command once, whatever the number of connections. Answers that were in flight are not kept, so a loss spoils the load, and is told. */
static void begin_obeying(struct load_link *link)
{
    const char *filter = "$share/obey/update/+/+";
    struct buffer packet;

    link->load->refused += link->in_flight;
    link->in_flight = 0;
    memset(link->messages, 0, LOAD_IDS * sizeof *link->messages);
    buffer_init(&packet, 0);
    mqtt_subscribe_write(link->load->mqtt.version, id_next(link), &filter, 1, &packet);
    if (!packet.failed)
        mqtt_client_send(link->client, packet.bytes, packet.length);
    buffer_done(&packet);
}

/* What was in flight goes again, oldest first: ids were given in that order, beginning behind the newest one. */
static void load_connected(void *arg, const struct mqtt_connack *connack)
{
    struct load_link *link = arg;
    uint16_t id = link->last_id;
    size_t length;

    link->window = connack->receive_max < link->load->options->window ? connack->receive_max : (uint32_t)link->load->options->window;
    if (link->errands) {
        begin_obeying(link);
        return;
    }
    for (uint32_t left = link->in_flight; left > 0;) {
        id = (uint16_t)(id == UINT16_MAX ? 1 : id + 1);
        if (link->messages[id] == 0)
            continue;
        length = fill(link, link->load->batch, link->messages[id] - 1, id, connack->session_present);
        mqtt_client_send(link->client, link->load->batch, length);
        link->load->resent++;
        left--;
    }
}

static void load_acknowledged(void *arg, const struct mqtt_ack *ack)
{
    struct load_link *link = arg;

    if (link->messages[ack->packet_id] == 0)
        return;
    link->messages[ack->packet_id] = 0;
    link->in_flight--;
    link->acked++;
    if (ack->reason >= 0x80)
        link->load->refused++;
}

static void load_drained(void *arg)
{
    struct load_link *link = arg;

    push(link, allowance(link->load));
    push_errands(link);
}

static void load_lost(void *arg, const char *why)
{
    (void)arg;
    (void)fprintf(stderr, "drover-sim: connection lost: %s\n", why);
}

static void load_received(void *arg, const struct mqtt_publish *publish)
{
    struct load_link *link = arg;

    if (link->errands && !errands_take(link->errands, publish, clock_mono_ms()))
        link->load->refused++;
}

static void load_subscribed(void *arg, const struct mqtt_ack *ack)
{
    struct load_link *link = arg;

    if (ack->reason >= 0x80)
        link->load->refused++;
}

static uint64_t acked(const struct load *load)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < load->link_count; i++)
        sum += load->links[i].acked;
    return sum;
}

/* One that obeys ends when it is told to; then it must have said everything. */
static bool has_obeyed(const struct load *load)
{
    for (unsigned i = 0; i < load->link_count; i++)
        if (errands_wait(load->links[i].errands) || load->links[i].in_flight > 0)
            return false;
    return load->interrupted;
}

static bool is_over(const struct load *load)
{
    if (load->options->obey)
        return has_obeyed(load);
    if (load->options->heartbeat_qos > 0)
        return acked(load) == (uint64_t)load->options->count;
    for (unsigned i = 0; i < load->link_count; i++)
        if (mqtt_client_unsent(load->links[i].client) > 0)
            return false;
    return load->sent == (uint64_t)load->options->count;
}

static void say_goodbye(struct load *load)
{
    bool all = true;

    for (unsigned i = 0; i < load->link_count; i++) {
        mqtt_client_close(load->links[i].client, load->options->vanish ? MQTT_CLOSE_VANISH : MQTT_CLOSE_FORGET);
        all = all && mqtt_client_is_closed(load->links[i].client);
    }
    if (all || clock_mono_ms() > load->bye_ms)
        (void)event_base_loopbreak(load->base);
}

static bool time_is_over(const struct load *load)
{
    return load->options->duration_s > 0 && clock_mono_us() - load->began_us > load->options->duration_s * 1000000;
}

void load_tick_due(evutil_socket_t fd, short what, void *arg)
{
    struct load *load = arg;

    (void)fd;
    (void)what;
    if (load->ended_us > 0) {
        say_goodbye(load);
    } else if (load->interrupted || time_is_over(load) || is_over(load)) {
        load->ended_us = clock_mono_us();
        load->bye_ms = clock_mono_ms() + GOODBYE_MS;
        say_goodbye(load);
    } else {
        for (unsigned i = 0; i < load->link_count; i++)
            push(&load->links[i], allowance(load) / (load->link_count - i));
        for (unsigned i = 0; i < load->link_count; i++)
            push_errands(&load->links[i]);
    }
}

static void print(const struct load *load, FILE *out)
{
    int64_t from_us = load->first_us > 0 ? load->first_us : load->began_us, to_us = load->ended_us > 0 ? load->ended_us : clock_mono_us();
    double seconds = (double)(to_us - from_us) / 1e6;
    uint64_t done = load->options->heartbeat_qos > 0 ? acked(load) : load->sent;
    double rate = seconds > 0 ? (double)done / seconds : 0.0;

    if (load->options->json)
        (void)fprintf(out, "{\"sent\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"resent\":%" PRIu64 ",\"refused\":%" PRIu64
                      ",\"seconds\":%.3f,\"rate\":%.0f}\n", load->sent, acked(load), load->resent, load->refused, seconds, rate);
    else
        (void)fprintf(out, "sent=%" PRIu64 " acked=%" PRIu64 " resent=%" PRIu64 " refused=%" PRIu64 " seconds=%.3f rate=%.0f\n",
                      load->sent, acked(load), load->resent, load->refused, seconds, rate);
    (void)fflush(out);
}

void load_stats_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    print(arg, stderr);
}

void load_signalled(evutil_socket_t number, short what, void *arg)
{
    struct load *load = arg;

    (void)number;
    (void)what;
    load->interrupted = true;
}

enum drover_error load_run(const struct options *options)
{
    struct load *load = calloc(1, sizeof *load);
    struct problem problem;
    enum drover_error error;

    if (!load)
        return DROVER_MEMORY;
    load->options = options;
    load->began_us = clock_mono_us();
    error = load_set_up(load, &problem);
    if (error) {
        (void)fprintf(stderr, "drover-sim: %s: %s\n", problem.where, problem.what);
    } else {
        for (unsigned i = 0; i < load->link_count; i++)
            mqtt_client_connect(load->links[i].client);
        (void)event_base_dispatch(load->base);
        print(load, stdout);
        if (!is_over(load) || load->refused > 0)
            error = DROVER_TIMEOUT;
    }
    load_tear_down(load);
    free(load);
    return error;
}
