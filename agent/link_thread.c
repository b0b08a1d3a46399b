/* The sending thread: connects, subscribes, greets, sends. It waits for a change and looks what is due. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "agent/link_inside.h"
#include "common/clock.h"

#define IDLE_MS 1000
#define CONNECT_GIVE_UP_MS 60000    /* Paho should have called back long before */
#define SUBSCRIBE_AGAIN_MS 15000

enum deed { NOTHING, CONNECT, GIVE_UP, GREET, SUBSCRIBE, SEND };

/* Under the lock: what to do now, and (when nothing) until when to wait. */
static enum deed deed_choose(struct link *link, int64_t *ret_until_mono_ms)
{
    int64_t now = clock_mono_ms();

    *ret_until_mono_ms = now + IDLE_MS;
    if (link->phase == LINK_CONNECTS)
        return now - link->phase_mono_ms < CONNECT_GIVE_UP_MS ? NOTHING : GIVE_UP;
    if (link->phase == LINK_IS_UP && !link->greeted)
        return GREET;
    if (link->phase == LINK_IS_UP && !link->subscribed && now >= link->due_mono_ms)
        return SUBSCRIBE;
    if (link->phase == LINK_IS_UP)
        return link->queue_count > 0 ? SEND : NOTHING;
    if (now >= link->due_mono_ms)
        return CONNECT;
    if (link->due_mono_ms < *ret_until_mono_ms)
        *ret_until_mono_ms = link->due_mono_ms;
    return NOTHING;
}

static enum deed deed_take(struct link *link, struct link_message *ret_message, int64_t *ret_until_mono_ms)
{
    enum deed deed = deed_choose(link, ret_until_mono_ms);

    if (deed == CONNECT) {
        link->phase = LINK_CONNECTS;
        link->tls_said_why = false;
        link->phase_mono_ms = clock_mono_ms();
    } else if (deed == GREET) {
        link->greeted = true;
    } else if (deed == SUBSCRIBE) {
        link->due_mono_ms = clock_mono_ms() + SUBSCRIBE_AGAIN_MS;
    } else if (deed == SEND) {
        *ret_message = link->queue[link->queue_first];
        link->queue_first = (link->queue_first + 1) % LINK_QUEUE;
        link->queue_count--;
    }
    return deed;
}

static void deed_do(struct link *link, enum deed deed, const struct link_message *message)
{
    switch (deed) {
    case CONNECT: link_connect(link); break;
    case GIVE_UP: link_went_down(link, "connecting took too long"); break;
    case GREET: (void)link_send_online(link, true); break; /* if not, the connection is gone again */
    case SUBSCRIBE: link_subscribe(link); break;
    case SEND: link_send(link, message); break;
    case NOTHING: break;
    }
}

static void wait_until(struct link *link, int64_t until_mono_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_mono_ms / 1000), .tv_nsec = (long)(until_mono_ms % 1000) * 1000000};

    (void)pthread_cond_timedwait(&link->changed, &link->lock, &until);
}

/* Sends what is queued, then the last `online`, then DISCONNECT; each only while there is a connection and time. */
static void goodbye(struct link *link)
{
    struct link_message message;
    int64_t ignored;

    while (clock_mono_ms() < link->goodbye_mono_ms && link->phase == LINK_IS_UP && deed_take(link, &message, &ignored) == SEND) {
        pthread_mutex_unlock(&link->lock);
        link_send(link, &message);
        pthread_mutex_lock(&link->lock);
    }
    if (link->phase != LINK_IS_UP)
        return;
    link->farewell_said = false;
    pthread_mutex_unlock(&link->lock);
    (void)link_send_online(link, false);
    pthread_mutex_lock(&link->lock);
    while (link->phase == LINK_IS_UP && !link->farewell_said && clock_mono_ms() < link->goodbye_mono_ms)
        wait_until(link, link->goodbye_mono_ms);
    pthread_mutex_unlock(&link->lock);
    link_disconnect(link);
    pthread_mutex_lock(&link->lock);
    while (link->phase == LINK_IS_UP && clock_mono_ms() < link->goodbye_mono_ms)
        wait_until(link, link->goodbye_mono_ms);
}

void *link_thread_run(void *arg)
{
    struct link *link = arg;
    struct link_message message;

    pthread_mutex_lock(&link->lock);
    while (!link->goodbye_mono_ms) {
        int64_t until_mono_ms;
        enum deed deed = deed_take(link, &message, &until_mono_ms);

        if (deed == NOTHING) {
            wait_until(link, until_mono_ms);
            continue;
        }
        pthread_mutex_unlock(&link->lock);
        deed_do(link, deed, &message);
        pthread_mutex_lock(&link->lock);
    }
    goodbye(link);
    pthread_mutex_unlock(&link->lock);
    MQTTAsync_destroy(&link->client);
    return NULL;
}
