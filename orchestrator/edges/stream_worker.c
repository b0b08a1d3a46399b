/* The thread: steps, waits that a stop ends, backoff, and the few questions that every step asks Redis. */
#include "orchestrator/edges/stream_worker.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_scripts.h"

#define BACKOFF_BASE_MS 200
#define BACKOFF_CAP_MS 10000

struct stream_worker {
    struct stream_worker_config config;
    struct redis_sync *redis;
    struct redis_args args;
    char said[sizeof(((struct problem *)0)->what)];   /* the last failure that was logged; "": all is well */
    unsigned failed;                                  /* steps in a row */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;
};

/* --- waiting --- */

bool stream_worker_is_stopping(struct stream_worker *worker)
{
    bool stopping;

    pthread_mutex_lock(&worker->mutex);
    stopping = worker->stopping;
    pthread_mutex_unlock(&worker->mutex);
    return stopping;
}

bool stream_worker_wait(struct stream_worker *worker, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool stopping;

    pthread_mutex_lock(&worker->mutex);
    while (!worker->stopping && clock_mono_ms() < until_ms)
        (void)pthread_cond_timedwait(&worker->wake, &worker->mutex, &until);
    stopping = worker->stopping;
    pthread_mutex_unlock(&worker->mutex);
    return !stopping;
}

void stream_worker_stop(struct stream_worker *worker)
{
    if (!worker)
        return;
    pthread_mutex_lock(&worker->mutex);
    worker->stopping = true;
    pthread_cond_broadcast(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
    redis_sync_abort(worker->redis);
}

/* --- the thread --- */

/* The same failure again and again is said once, and its end too. */
static void failure_say(struct stream_worker *worker, const struct problem *problem)
{
    if (strcmp(worker->said, problem->what) == 0 || stream_worker_is_stopping(worker))
        return;
    memcpy(worker->said, problem->what, sizeof worker->said);
    log_event(LOG_WARN, "stream_worker_failed", LOG_TEXT("worker", worker->config.name), LOG_TEXT("where", problem->where), LOG_TEXT("why", problem->what));
}

static void success_say(struct stream_worker *worker)
{
    if (worker->said[0])
        log_event(LOG_INFO, "stream_worker_recovered", LOG_TEXT("worker", worker->config.name));
    worker->said[0] = '\0';
    worker->failed = 0;
}

static int64_t step_do(struct stream_worker *worker)
{
    struct problem problem = {.what = ""};
    int64_t wait_ms = 1000;
    enum drover_error error = worker->config.step(worker->config.arg, worker, &wait_ms, &problem);

    if (!error) {
        success_say(worker);
        return wait_ms;
    }
    failure_say(worker, &problem);
    return backoff_full_jitter_ms(worker->config.backoff_base_ms ? worker->config.backoff_base_ms : BACKOFF_BASE_MS,
                                  worker->config.backoff_cap_ms ? worker->config.backoff_cap_ms : BACKOFF_CAP_MS, worker->failed++, clock_random());
}

static void *thread_main(void *arg)
{
    struct stream_worker *worker = arg;

    (void)pthread_setname_np(pthread_self(), worker->config.name);
    while (!stream_worker_is_stopping(worker) && stream_worker_wait(worker, step_do(worker)))
        ;
    return NULL;
}

static bool wake_init(pthread_cond_t *wake)
{
    pthread_condattr_t attributes;
    bool ready = pthread_condattr_init(&attributes) == 0;

    if (ready) {
        ready = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(wake, &attributes) == 0;
        (void)pthread_condattr_destroy(&attributes);
    }
    return ready;
}

enum drover_error stream_worker_start(const struct stream_worker_config *config, struct stream_worker **ret_worker, struct problem *ret_problem)
{
    struct stream_worker *worker = calloc(1, sizeof *worker);
    enum drover_error error;

    if (!worker || !wake_init(&worker->wake)) {
        free(worker);
        return problem_set(ret_problem, DROVER_MEMORY, config->name, "out of memory");
    }
    (void)pthread_mutex_init(&worker->mutex, NULL);
    worker->config = *config;
    redis_args_init(&worker->args);
    error = redis_sync_new(&config->redis, &worker->redis, ret_problem);
    worker->config.redis = (struct redis_sync_config){.url = NULL};
    if (!error && pthread_create(&worker->thread, NULL, thread_main, worker) != 0)
        error = problem_set(ret_problem, DROVER_MEMORY, config->name, "no thread can be started");
    worker->started = !error;
    if (error)
        stream_worker_free(worker);
    else
        *ret_worker = worker;
    return error;
}

void stream_worker_free(struct stream_worker *worker)
{
    if (!worker)
        return;
    if (worker->started) {
        stream_worker_stop(worker);
        (void)pthread_join(worker->thread, NULL);
    }
    redis_sync_free(worker->redis);
    redis_args_done(&worker->args);
    (void)pthread_cond_destroy(&worker->wake);
    (void)pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

/* --- asking Redis --- */

static enum drover_error args_send(struct stream_worker *worker, struct redisReply **ret_reply, struct problem *ret_problem)
{
    enum drover_error error = redis_sync_call(worker->redis, &worker->args, ret_reply);

    return error ? problem_set(ret_problem, error, "redis", "%s", redis_sync_why(worker->redis)) : DROVER_OK;
}

enum drover_error stream_worker_ask(struct stream_worker *worker, struct redisReply **ret_reply, struct problem *ret_problem, ...)
{
    va_list words;

    redis_args_clear(&worker->args);
    va_start(words, ret_problem);
    for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *))
        redis_args_add_text(&worker->args, word);
    va_end(words);
    return args_send(worker, ret_reply, ret_problem);
}

/* EVAL with its text: no other thread's cache of digests is touched, and none can be forgotten. */
struct redis_args *stream_worker_script_begin(struct stream_worker *worker, unsigned script)
{
    redis_args_clear(&worker->args);
    redis_args_add_text(&worker->args, "EVAL");
    redis_args_add_text(&worker->args, redis_script_texts[script].text);
    redis_args_add_text(&worker->args, "2");
    redis_args_add_text(&worker->args, KEY_PREFIX);
    redis_args_add_text(&worker->args, KEY_PREFIX_PRIVATE);
    redis_args_add_text(&worker->args, worker->config.instance);
    return &worker->args;
}

enum drover_error stream_worker_script(struct stream_worker *worker, struct redisReply **ret_reply, struct problem *ret_problem)
{
    return args_send(worker, ret_reply, ret_problem);
}

enum drover_error stream_worker_leads(struct stream_worker *worker, bool *ret_leads, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    enum drover_error error = stream_worker_ask(worker, &reply, ret_problem, "GET", KEY_PREFIX_PRIVATE "leader", NULL);

    if (error)
        return error;
    *ret_leads = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, worker->config.instance) == 0;
    redis_reply_free(reply);
    return DROVER_OK;
}
