/* hiredis' blocking calls. The socket is shut down, never closed, from another thread, so that its number stays ours. */
#include "orchestrator/edges/redis_sync.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "common/text.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/redis_errors.h"
#include "orchestrator/edges/redis_url.h"

#define TIMEOUT_MS 5000
#define PUSHED_MAX 512u       /* commands on their way before answers are read */

struct redis_sync {
    struct redis_url url;
    char *username, *password;    /* owned; NULL: none */
    struct timeval timeout;
    redisContext *context;        /* NULL: not connected */
    struct redis_arena arena;     /* of all answers */
    unsigned pushed;              /* commands whose answers have still to be read */
    enum drover_error push_error; /* of those read since the last settle */
    char why[160];
    pthread_mutex_t mutex;        /* of what follows */
    int fd;                       /* of the connection; -1: none */
    bool aborted;
};

static char *copy_unless_empty(const char *text)
{
    return text && text[0] ? strdup(text) : NULL;
}

enum drover_error redis_sync_new(const struct redis_sync_config *config, struct redis_sync **ret_redis, struct problem *ret_problem)
{
    struct redis_sync *redis = calloc(1, sizeof *redis);
    int64_t timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
    enum drover_error error;

    if (!redis)
        return problem_set(ret_problem, DROVER_MEMORY, "redis", "out of memory");
    redis->fd = -1;
    redis->timeout = (struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000};
    (void)pthread_mutex_init(&redis->mutex, NULL);
    error = redis_url_read(config->url, &redis->url, ret_problem);
    if (error) {
        redis_sync_free(redis);
        return error;
    }
    redis->username = copy_unless_empty(config->username);
    redis->password = copy_unless_empty(config->password);
    *ret_redis = redis;
    return DROVER_OK;
}

static void fd_note(struct redis_sync *redis, int fd)
{
    pthread_mutex_lock(&redis->mutex);
    redis->fd = fd;
    pthread_mutex_unlock(&redis->mutex);
}

static bool is_aborted(struct redis_sync *redis)
{
    bool aborted;

    pthread_mutex_lock(&redis->mutex);
    aborted = redis->aborted;
    pthread_mutex_unlock(&redis->mutex);
    return aborted;
}

static void disconnect(struct redis_sync *redis)
{
    fd_note(redis, -1);
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
    redis->pushed = 0;
}

void redis_sync_free(struct redis_sync *redis)
{
    if (!redis)
        return;
    disconnect(redis);
    redis_arena_done(&redis->arena);
    if (redis->password)
        explicit_bzero(redis->password, strlen(redis->password));
    free(redis->password);
    free(redis->username);
    (void)pthread_mutex_destroy(&redis->mutex);
    free(redis);
}

void redis_sync_abort(struct redis_sync *redis)
{
    pthread_mutex_lock(&redis->mutex);
    redis->aborted = true;
    if (redis->fd >= 0)
        (void)shutdown(redis->fd, SHUT_RDWR);
    pthread_mutex_unlock(&redis->mutex);
}

const char *redis_sync_why(const struct redis_sync *redis)
{
    return redis->why;
}

static enum drover_error fail(struct redis_sync *redis, enum drover_error error, const char *why)
{
    (void)snprintf(redis->why, sizeof redis->why, "%s", why);
    return error;
}

static enum drover_error lost(struct redis_sync *redis)
{
    const char *why = !redis->context ? "out of memory" : redis->context->errstr[0] ? redis->context->errstr : "Redis closed the connection";
    enum drover_error error = fail(redis, DROVER_UNAVAILABLE, why);

    disconnect(redis);
    return error;
}

/* An answer that is an error is freed and told. */
static enum drover_error reply_check(struct redis_sync *redis, redisReply *reply)
{
    struct redis_link_counters unused = {.commands = 0};
    enum drover_error error;

    if (reply->type != REDIS_REPLY_ERROR)
        return DROVER_OK;
    error = fail(redis, redis_error_classify(reply->str, &unused), reply->str);
    redis_reply_free(reply);
    return error;
}

static enum drover_error answer_read(struct redis_sync *redis, redisReply **ret_reply)
{
    void *reply = NULL;
    enum drover_error error;

    if (redisGetReply(redis->context, &reply) != REDIS_OK || !reply)
        return lost(redis);
    error = reply_check(redis, reply);
    if (!error)
        *ret_reply = reply;
    return error;
}

static enum drover_error say(struct redis_sync *redis, int argc, const char **argv)
{
    redisReply *reply = NULL;
    enum drover_error error;

    if (redisAppendCommandArgv(redis->context, argc, argv, NULL) != REDIS_OK)
        return lost(redis);
    error = answer_read(redis, &reply);
    if (!error)
        redis_reply_free(reply);
    return error;
}

/* Nothing there is fine: whoever writes first makes it. */
static enum drover_error schema_check(struct redis_sync *redis)
{
    const char *argv[] = {"HGET", KEY_SCHEMA, "version"};
    int64_t version = KEY_SCHEMA_VERSION;
    redisReply *reply = NULL;
    enum drover_error error;

    if (redisAppendCommandArgv(redis->context, 3, argv, NULL) != REDIS_OK)
        return lost(redis);
    error = answer_read(redis, &reply);
    if (error)
        return error;
    if (reply->type == REDIS_REPLY_STRING && !text_to_i64(reply->str, reply->len, 0, INT32_MAX, &version))
        version = 0;
    redis_reply_free(reply);
    return version == KEY_SCHEMA_VERSION ? DROVER_OK : fail(redis, DROVER_MISMATCH, KEY_SCHEMA " is of another version");
}

static enum drover_error log_in(struct redis_sync *redis)
{
    char database[12];
    enum drover_error error = DROVER_OK;

    if (redis->password && redis->username)
        error = say(redis, 3, (const char *[]){"AUTH", redis->username, redis->password});
    else if (redis->password)
        error = say(redis, 2, (const char *[]){"AUTH", redis->password});
    (void)snprintf(database, sizeof database, "%d", redis->url.database);
    if (!error && redis->url.database)
        error = say(redis, 2, (const char *[]){"SELECT", database});
    return error ? error : schema_check(redis);
}

static enum drover_error connected(struct redis_sync *redis)
{
    enum drover_error error;

    if (is_aborted(redis))
        return fail(redis, DROVER_UNAVAILABLE, "told to end");
    if (redis->context)
        return DROVER_OK;
    redis->context = redis->url.is_unix ? redisConnectUnixWithTimeout(redis->url.path, redis->timeout)
                                        : redisConnectWithTimeout(redis->url.host, redis->url.port, redis->timeout);
    if (!redis->context || redis->context->err || redisSetTimeout(redis->context, redis->timeout) != REDIS_OK)
        return lost(redis);
    redis_arena_serve(&redis->arena, redis->context->reader);
    fd_note(redis, redis->context->fd);
    error = log_in(redis);
    if (error)
        disconnect(redis);
    return error;
}

static enum drover_error command_send(struct redis_sync *redis, struct redis_args *args)
{
    size_t length = 0;
    const char *bytes = redis_args_finish(args, &length);
    enum drover_error error = connected(redis);

    if (error)
        return error;
    if (!bytes)
        return fail(redis, DROVER_MEMORY, "the command is too long");
    return redisAppendFormattedCommand(redis->context, bytes, length) == REDIS_OK ? DROVER_OK : lost(redis);
}

enum drover_error redis_sync_call(struct redis_sync *redis, struct redis_args *args, struct redisReply **ret_reply)
{
    enum drover_error error = command_send(redis, args);

    return error ? error : answer_read(redis, ret_reply);
}

enum drover_error redis_sync_settle(struct redis_sync *redis)
{
    enum drover_error error = redis->push_error;

    while (redis->context && redis->pushed > 0) {
        redisReply *reply = NULL;
        enum drover_error one = answer_read(redis, &reply);

        if (!one)
            redis_reply_free(reply);
        error = error ? error : one;
        redis->pushed -= redis->context != NULL;
    }
    redis->push_error = DROVER_OK;
    return error;
}

enum drover_error redis_sync_push(struct redis_sync *redis, struct redis_args *args)
{
    enum drover_error error = command_send(redis, args);

    if (error)
        return error;
    if (++redis->pushed >= PUSHED_MAX)
        redis->push_error = redis_sync_settle(redis);
    return redis->push_error;
}
