/* Three lanes under one mutex, which is never held while the send function runs: its library takes a lock of its own around
 * the callbacks that end in outbox_confirmed, and two locks in two orders would be a deadlock. */
#include "orchestrator/edges/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/hash.h"

#define GATHER_US 1000   /* how long the sending thread lets messages gather after it was woken */

struct entry {
    struct entry *next;
    uint64_t topic_hash;
    struct outbox_message message;   /* its texts lie behind it */
    char bytes[];
};

struct lane {
    struct entry *first, **last;
    size_t count;
};

struct outbox {
    struct outbox_config config;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct lane lanes[LANE_COUNT];
    bool online;
    uint64_t online_changes;
    bool kicked;
    uint64_t generation;             /* of the window; in tickets: a late answer to a window given up counts for nothing */
    size_t unconfirmed;
    int64_t confirmed_mono_ms;       /* when the window last moved, or was empty */
    struct outbox_counters counters;
};

struct outbox *outbox_new(const struct outbox_config *config)
{
    static const size_t lane_max[LANE_COUNT] = {[LANE_NOTICE] = 1024, [LANE_COMMAND] = 100000, [LANE_EVENT] = 10000};
    struct outbox *outbox = calloc(1, sizeof *outbox);
    pthread_condattr_t monotonic;

    if (!outbox)
        return NULL;
    outbox->config = *config;
    for (int i = 0; i < LANE_COUNT; i++) {
        outbox->lanes[i].last = &outbox->lanes[i].first;
        if (outbox->config.lane_max[i] == 0)
            outbox->config.lane_max[i] = lane_max[i];
    }
    if (outbox->config.window == 0)
        outbox->config.window = 1;
    if (outbox->config.stall_ms <= 0)
        outbox->config.stall_ms = 30000;
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&outbox->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return outbox;
}

void outbox_set_send(struct outbox *outbox, outbox_send *send, void *arg)
{
    outbox->config.send = send;
    outbox->config.send_arg = arg;
}

/* --- lanes; under the lock --- */

static void lane_append(struct lane *lane, struct entry *entry)
{
    entry->next = NULL;
    *lane->last = entry;
    lane->last = &entry->next;
    lane->count++;
}

static void lane_prepend(struct lane *lane, struct entry *entry)
{
    if (!lane->first)
        lane->last = &entry->next;
    entry->next = lane->first;
    lane->first = entry;
    lane->count++;
}

/* Takes out the entry that *link points to. */
static struct entry *lane_unlink(struct lane *lane, struct entry **link)
{
    struct entry *entry = *link;

    *link = entry->next;
    if (!entry->next)
        lane->last = link;
    lane->count--;
    return entry;
}

static void lane_clear(struct lane *lane, uint64_t *counter)
{
    while (lane->first) {
        free(lane_unlink(lane, &lane->first));
        ++*counter;
    }
}

void outbox_free(struct outbox *outbox)
{
    uint64_t dropped = 0;

    if (!outbox)
        return;
    for (int i = 0; i < LANE_COUNT; i++)
        lane_clear(&outbox->lanes[i], &dropped);
    pthread_cond_destroy(&outbox->changed);
    pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}

/* --- the loop's side --- */

static struct entry *entry_new(const struct outbox_message *message)
{
    size_t topic_bytes = strlen(message->topic) + 1;
    struct entry *entry = malloc(sizeof *entry + topic_bytes + message->payload_length);

    if (!entry)
        return NULL;
    entry->topic_hash = hash_bytes(message->topic, topic_bytes, 0);
    entry->message = *message;
    memcpy(entry->bytes, message->topic, topic_bytes);
    if (message->payload_length)
        memcpy(entry->bytes + topic_bytes, message->payload, message->payload_length);
    entry->message.topic = entry->bytes;
    entry->message.payload = entry->bytes + topic_bytes;
    return entry;
}

/* Throws out the waiting notice of the same topic, if there is one: only the newest counts. */
static void notice_replace(struct outbox *outbox, const struct entry *newer)
{
    struct lane *lane = &outbox->lanes[LANE_NOTICE];

    for (struct entry **link = &lane->first; *link; link = &(*link)->next)
        if ((*link)->topic_hash == newer->topic_hash && strcmp((*link)->bytes, newer->bytes) == 0) {
            free(lane_unlink(lane, link));
            outbox->counters.replaced++;
            return;
        }
}

static enum drover_error entry_put(struct outbox *outbox, struct entry *entry)
{
    enum outbox_lane lane = entry->message.lane;

    if (lane == LANE_EVENT && !outbox->online) {
        outbox->counters.offline[lane]++;
        return DROVER_UNAVAILABLE;
    }
    if (lane == LANE_NOTICE)
        notice_replace(outbox, entry);
    if (outbox->lanes[lane].count >= outbox->config.lane_max[lane]) {
        outbox->counters.full[lane]++;
        return DROVER_FULL;
    }
    lane_append(&outbox->lanes[lane], entry);
    pthread_cond_signal(&outbox->changed);
    return DROVER_OK;
}

enum drover_error outbox_put(struct outbox *outbox, const struct outbox_message *message)
{
    struct entry *entry = entry_new(message);
    enum drover_error error = DROVER_FULL;

    pthread_mutex_lock(&outbox->lock);
    if (entry)
        error = entry_put(outbox, entry);
    else
        outbox->counters.full[message->lane]++;
    pthread_mutex_unlock(&outbox->lock);
    if (error)
        free(entry);
    return error;
}

/* --- the sending thread's side --- */

static bool entry_is_old(const struct entry *entry, int64_t now)
{
    return entry->message.expires_mono_ms != 0 && entry->message.expires_mono_ms <= now;
}

/* The window's answers may have been lost with a session: after stall_ms without any it is opened anew. */
static void window_check(struct outbox *outbox, int64_t now)
{
    if (outbox->unconfirmed == 0 || !outbox->online)
        outbox->confirmed_mono_ms = now;
    if (now - outbox->confirmed_mono_ms < outbox->config.stall_ms)
        return;
    outbox->generation++;
    outbox->unconfirmed = 0;
    outbox->confirmed_mono_ms = now;
    outbox->counters.stalls++;
}

/* The next message that may go out now; NULL when there is none. Old ones are dropped on the way. */
static struct entry *entry_take(struct outbox *outbox, int64_t now)
{
    if (!outbox->online)
        return NULL;
    for (int i = 0; i < LANE_COUNT; i++) {
        struct lane *lane = &outbox->lanes[i];

        while (lane->first && entry_is_old(lane->first, now)) {
            free(lane_unlink(lane, &lane->first));
            outbox->counters.expired[i]++;
        }
        if (lane->first && (lane->first->message.qos == 0 || outbox->unconfirmed < outbox->config.window))
            return lane_unlink(lane, &lane->first);
    }
    return NULL;
}

/* The window counts a message before it is sent: its confirmation may come before the send function returns. */
static void entry_sent(struct outbox *outbox, struct entry *entry, enum outbox_sent sent, uint64_t generation, uint64_t online_changes)
{
    enum outbox_lane lane = entry->message.lane;

    if (sent == OUTBOX_SENT)
        outbox->counters.sent[lane]++;
    else if (entry->message.qos > 0 && generation == outbox->generation && outbox->unconfirmed > 0)
        outbox->unconfirmed--;
    if (sent == OUTBOX_REFUSED)
        outbox->counters.refused[lane]++;
    if (sent == OUTBOX_NOT_NOW) {
        if (outbox->online_changes == online_changes) /* it may have come back meanwhile */
            outbox->online = false;
        if (lane != LANE_EVENT) {
            lane_prepend(&outbox->lanes[lane], entry);
            return;
        }
        outbox->counters.offline[lane]++;
    }
    free(entry);
}

static void send_waiting(struct outbox *outbox)
{
    struct entry *entry;

    while (!outbox->kicked && (entry = entry_take(outbox, clock_mono_ms()))) {
        uint64_t generation = outbox->generation, online_changes = outbox->online_changes;
        enum outbox_sent sent;

        outbox->unconfirmed += entry->message.qos > 0;
        pthread_mutex_unlock(&outbox->lock);
        sent = outbox->config.send(outbox->config.send_arg, &entry->message, generation);
        pthread_mutex_lock(&outbox->lock);
        entry_sent(outbox, entry, sent, generation, online_changes);
    }
}

static bool wait_until(struct outbox *outbox, int64_t until_mono_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_mono_ms / 1000), .tv_nsec = (long)(until_mono_ms % 1000) * 1000000};

    return pthread_cond_timedwait(&outbox->changed, &outbox->lock, &until) == 0;
}

/* Messages come in runs. A thread that is woken for each of them, and wakes those of its library for each, costs several times what sending costs. */
static void gather(struct outbox *outbox)
{
    if (outbox->kicked)
        return;
    pthread_mutex_unlock(&outbox->lock);
    (void)nanosleep(&(struct timespec){.tv_nsec = GATHER_US * 1000}, NULL);
    pthread_mutex_lock(&outbox->lock);
}

void outbox_pump(struct outbox *outbox, int64_t until_mono_ms)
{
    bool woken = false;

    pthread_mutex_lock(&outbox->lock);
    do {
        if (woken)
            gather(outbox);
        window_check(outbox, clock_mono_ms());
        send_waiting(outbox);
        woken = !outbox->kicked && wait_until(outbox, until_mono_ms);
    } while (woken);
    outbox->kicked = false;
    pthread_mutex_unlock(&outbox->lock);
}

/* --- any thread --- */

void outbox_set_online(struct outbox *outbox, bool online)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->online = online;
    outbox->online_changes++;
    if (!online)
        lane_clear(&outbox->lanes[LANE_EVENT], &outbox->counters.offline[LANE_EVENT]);
    pthread_cond_signal(&outbox->changed);
    pthread_mutex_unlock(&outbox->lock);
}

void outbox_confirmed(struct outbox *outbox, uint64_t ticket, bool delivered)
{
    pthread_mutex_lock(&outbox->lock);
    if (!delivered)
        outbox->counters.failed++;
    if (ticket == outbox->generation && outbox->unconfirmed > 0) {
        bool was_full = outbox->unconfirmed >= outbox->config.window;

        outbox->unconfirmed--;
        outbox->confirmed_mono_ms = clock_mono_ms();
        if (was_full || outbox->unconfirmed == 0)
            pthread_cond_signal(&outbox->changed);
    }
    pthread_mutex_unlock(&outbox->lock);
}

void outbox_kick(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->kicked = true;
    pthread_cond_signal(&outbox->changed);
    pthread_mutex_unlock(&outbox->lock);
}

struct outbox_counters outbox_counters(struct outbox *outbox)
{
    struct outbox_counters counters;

    pthread_mutex_lock(&outbox->lock);
    counters = outbox->counters;
    for (int i = 0; i < LANE_COUNT; i++)
        counters.waiting[i] = outbox->lanes[i].count;
    counters.unconfirmed = outbox->unconfirmed;
    pthread_mutex_unlock(&outbox->lock);
    return counters;
}
