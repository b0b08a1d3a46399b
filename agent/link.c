/* The link as the loop sees it: made, asked, ended. */
#include "agent/link.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/link_inside.h"
#include "common/clock.h"
#include "common/text.h"
#include "proto/mqtt_paho.h"

static void topics_make(struct link *link)
{
    for (unsigned kind = 0; kind < TOPIC_EVENT; kind++) {
        struct topic topic = {.kind = (enum topic_kind)kind};

        (void)text_copy(topic.device_id, sizeof topic.device_id, link->config.device_id);
        (void)text_copy(topic.model, sizeof topic.model, link->config.model);
        (void)topic_write(&topic, link->topics[kind]);
    }
}

/* Signals are for the loop's thread: what starts here, and Paho's threads after it, blocks them. */
static int thread_start(struct link *link)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    code = pthread_create(&link->thread, NULL, link_thread_run, link);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        (void)pthread_setname_np(link->thread, "mqtt-tx");
    return code;
}

static void link_drop(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    pthread_cond_destroy(&link->changed);
    pthread_cond_destroy(&link->room);
    pthread_mutex_destroy(&link->lock);
    explicit_bzero(link->password, sizeof link->password);
    free(link);
}

static void locks_make(struct link *link)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&link->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&link->changed, &attributes);
    pthread_cond_init(&link->room, NULL);
    pthread_condattr_destroy(&attributes);
}

enum drover_error link_new(const struct link_config *config, struct link **ret_link, struct problem *ret_problem)
{
    struct link *link = calloc(1, sizeof *link);
    enum drover_error error;

    if (!link)
        return problem_set(ret_problem, DROVER_MEMORY, "mqtt", "no memory");
    link->config = *config;
    locks_make(link);
    link->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    topics_make(link);
    error = link->fd < 0 ? problem_set(ret_problem, DROVER_IO, "mqtt", "no eventfd: %s", strerror(errno)) : mqtt_paho_url(config->url, link->url, sizeof link->url, &link->tls, ret_problem);
    if (!error && !text_copy(link->password, sizeof link->password, config->password))
        error = problem_set(ret_problem, DROVER_TOO_LONG, "mqtt.password_file", "at most %d bytes", LINK_TEXT_SIZE - 1);
    if (!error)
        error = link_client_make(link, ret_problem);
    if (!error && thread_start(link) != 0) {
        MQTTAsync_destroy(&link->client);
        error = problem_set(ret_problem, DROVER_MEMORY, "mqtt", "no thread");
    }
    if (error)
        link_drop(link);
    else
        *ret_link = link;
    return error;
}

bool link_free(struct link *link, int64_t wait_ms)
{
    struct timespec until = {.tv_nsec = 0};

    if (!link)
        return true;
    pthread_mutex_lock(&link->lock);
    link->goodbye_mono_ms = clock_mono_ms() + wait_ms;
    pthread_cond_broadcast(&link->changed);
    pthread_cond_broadcast(&link->room);
    pthread_mutex_unlock(&link->lock);
    until.tv_sec = (time_t)((clock_unix_ms() + wait_ms) / 1000 + 2); /* pthread_timedjoin_np goes by wall time */
    if (pthread_timedjoin_np(link->thread, NULL, &until) != 0)
        return false;
    link_drop(link);
    return true;
}

int link_fd(const struct link *link)
{
    return link->fd;
}

void link_wake(struct link *link)
{
    uint64_t one = 1;

    while (write(link->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void fd_empty(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static void message_take(struct link *link, struct link_news *ret_news)
{
    const struct link_message *message = &link->inbox[link->inbox_first];

    ret_news->kind = message->kind == TOPIC_COMMAND ? LINK_COMMAND : LINK_NOTICE;
    ret_news->length = message->length;
    if (message->length <= MESSAGE_SIZE)
        memcpy(ret_news->bytes, message->bytes, message->length);
    link->inbox_first = (link->inbox_first + 1) % LINK_INBOX;
    link->inbox_count--;
    pthread_cond_signal(&link->room);
}

void link_take(struct link *link, struct link_news *ret_news)
{
    bool up;

    ret_news->kind = LINK_NOTHING;
    ret_news->length = 0;
    fd_empty(link->fd); /* before looking: what comes after it makes the fd readable again */
    pthread_mutex_lock(&link->lock);
    up = link->phase == LINK_IS_UP && link->subscribed;
    if (link->told_up && (!up || link->told_epoch != link->epoch)) {
        link->told_up = false;
        ret_news->kind = LINK_DOWN;
    } else if (up && !link->told_up) {
        link->told_up = true;
        link->told_epoch = link->epoch;
        ret_news->kind = LINK_UP;
    } else if (link->has_failed) {
        link->has_failed = false;
        ret_news->kind = LINK_FAILED;
    } else if (link->said_count > 0) {
        ret_news->kind = LINK_SAID;
        ret_news->ticket = link->said[link->said_first];
        link->said_first = (link->said_first + 1) % LINK_SAID_MAX;
        link->said_count--;
    } else if (link->inbox_count > 0) {
        message_take(link, ret_news);
    }
    pthread_mutex_unlock(&link->lock);
    if (ret_news->kind != LINK_NOTHING)
        link_wake(link); /* there may be more */
}

bool link_say(struct link *link, enum topic_kind kind, const void *bytes, size_t length, int qos, uint64_t ticket)
{
    bool taken = false;

    pthread_mutex_lock(&link->lock);
    if (link->phase == LINK_IS_UP && link->queue_count < LINK_QUEUE && length <= MESSAGE_SIZE) {
        struct link_message *message = &link->queue[(link->queue_first + link->queue_count++) % LINK_QUEUE];

        message->kind = kind;
        message->length = length;
        message->qos = qos;
        message->ticket = ticket;
        memcpy(message->bytes, bytes, length);
        taken = true;
        pthread_cond_signal(&link->changed);
    }
    pthread_mutex_unlock(&link->lock);
    return taken;
}

void link_error(struct link *link, char *ret, size_t size)
{
    pthread_mutex_lock(&link->lock);
    text_excerpt(ret, size, link->error, strlen(link->error));
    pthread_mutex_unlock(&link->lock);
}
