/* Where the log comes from: a file, line by line and verified on the way, or the live stream, page by page. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/rebuild_run.h"
#include "orchestrator/edges/redis_reply.h"
#include "proto/event_chain.h"

#define PAGE "500"

enum drover_error rebuild_ask(struct redis_sync *redis, struct redisReply **ret_reply, struct problem *ret_problem, ...)
{
    struct redis_args args;
    enum drover_error error;
    va_list words;

    redis_args_init(&args);
    va_start(words, ret_problem);
    for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *))
        redis_args_add_text(&args, word);
    va_end(words);
    error = redis_sync_call(redis, &args, ret_reply);
    redis_args_done(&args);
    return error ? problem_set(ret_problem, error, "redis", "%s", redis_sync_why(redis)) : DROVER_OK;
}

/* --- a file --- */

struct reading {
    struct rebuild *rebuild;
    struct event_chain chains[SEALED_LOGS];        /* both are verified, and the events taken */
    struct entry_storage storage;
};

static enum drover_error line_take(struct reading *reading, const char *line, size_t length, struct problem *ret_problem)
{
    struct stream_entry entry;
    struct seal seal;
    struct event_chain *chain;
    unsigned which;
    enum drover_error error = entry_read_json(line, length, sealed_line_names, &reading->storage, &entry, &which, ret_problem);

    if (error)
        return error;
    chain = &reading->chains[which / 2];
    if (which % 2) {
        error = seal_read(&entry, &seal, ret_problem);
        return error ? error : event_chain_seal(chain, &seal, ret_problem);
    }
    error = event_chain_entry(chain, &entry, ret_problem);
    return error || which / 2 == SEALED_AUDIT ? error : rebuild_take(reading->rebuild, &entry, ret_problem);
}

static enum drover_error lines_take(struct reading *reading, FILE *file, const char *path, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while (!error && (length = getline(&line, &size, file)) >= 0)
        error = line_take(reading, line, (size_t)length - (length > 0 && line[length - 1] == '\n'), ret_problem);
    free(line);
    if (!error && ferror(file))
        error = problem_set(ret_problem, DROVER_IO, path, "%s", strerror(errno));
    for (unsigned log = 0; log < SEALED_LOGS && !error; log++)
        error = event_chain_end(&reading->chains[log], ret_problem);
    return error;
}

enum drover_error rebuild_read_file(struct rebuild *rebuild, const char *path, struct problem *ret_problem)
{
    struct reading reading = {.rebuild = rebuild};
    FILE *file = fopen(path, "re");
    enum drover_error error = DROVER_OK;

    if (!file)
        return problem_set(ret_problem, DROVER_IO, path, "%s", strerror(errno));
    for (unsigned log = 0; log < SEALED_LOGS; log++)
        error = event_chain_init(&reading.chains[log], 0, "") ? DROVER_MEMORY : error;
    error = error ? problem_set(ret_problem, error, path, "out of memory") : lines_take(&reading, file, path, ret_problem);
    for (unsigned log = 0; log < SEALED_LOGS; log++)
        event_chain_done(&reading.chains[log]);
    entry_storage_done(&reading.storage);
    (void)fclose(file);
    return error;
}

/* --- the live stream --- */

/* The stream must still hold the last entry taken, or nothing says what came between. */
static enum drover_error continues_check(struct redis_sync *redis, const char *last, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    enum drover_error error = rebuild_ask(redis, &reply, ret_problem, "XRANGE", KEY_EVENTS, last, last, NULL);

    if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1))
        error = problem_set(ret_problem, DROVER_NOT_FOUND, last, "the live log does not go on from the file: this entry is trimmed or was never there");
    redis_reply_free(reply);
    return error;
}

static enum drover_error page_take(struct rebuild *rebuild, struct redis_sync *redis, bool *ret_more, struct problem *ret_problem)
{
    const struct rebuild_facts facts = rebuild_facts(rebuild);
    struct redisReply *reply = NULL;
    struct stream_entry entry;
    char start[STREAM_ID_SIZE + 1];
    enum drover_error error;

    (void)snprintf(start, sizeof start, "%s%s", facts.last[0] ? "(" : "-", facts.last);
    error = rebuild_ask(redis, &reply, ret_problem, "XRANGE", KEY_EVENTS, start, "+", "COUNT", PAGE, NULL);
    *ret_more = !error && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    for (size_t i = 0; *ret_more && !error && i < reply->elements; i++)
        error = redis_reply_entry(reply->element[i], &entry) ? rebuild_take(rebuild, &entry, ret_problem)
                                                             : problem_set(ret_problem, DROVER_SYNTAX, KEY_EVENTS, "an entry has too many fields");
    redis_reply_free(reply);
    return error;
}

enum drover_error rebuild_read_redis(struct rebuild *rebuild, struct redis_sync *redis, struct problem *ret_problem)
{
    const struct rebuild_facts facts = rebuild_facts(rebuild);
    enum drover_error error = facts.last[0] ? continues_check(redis, facts.last, ret_problem) : DROVER_OK;
    bool more = true;

    while (!error && more)
        error = page_take(rebuild, redis, &more, ret_problem);
    return error;
}
