/* Hash by hash: what the log says of it against what stands there. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/rebuild_run.h"

#define LINES_MAX 50
#define SCAN_COUNT "1000"

struct comparing {
    struct rebuild *rebuild;
    struct redis_sync *redis;
    struct rebuild_comparison *comparison;
    struct problem *problem;
};

/* --- one hash --- */

static const struct redisReply *field_of(const struct redisReply *hash, const char *name)
{
    for (size_t i = 0; i + 1 < hash->elements; i += 2)
        if (strcmp(hash->element[i]->str, name) == 0)
            return hash->element[i + 1];
    return NULL;
}

static void differs(struct comparing *comparing, const struct rebuilt_hash *hash, const char *name, const char *is, const char *should_be)
{
    if (comparing->comparison->differences++ < LINES_MAX)
        buffer_add_format(&comparing->comparison->text, "  %s %s: is %.80s, by its events %s\n", hash->key + strlen(KEY_PREFIX), name, is, should_be);
}

static bool is_expected(const struct rebuilt_hash *hash, const char *name)
{
    for (unsigned i = 0; i < hash->count; i++)
        if (strcmp(hash->fields[i].name, name) == 0)
            return true;
    return false;
}

/* Counters that the log knows nothing of are wrong: what is not there is 0. */
static void counters_check(struct comparing *comparing, const struct rebuilt_hash *hash, const struct redisReply *live)
{
    static const char *const prefixes[] = {"state:", "error:", "opened\0", "retried\0"};

    for (size_t i = 0; i + 1 < live->elements; i += 2)
        for (unsigned p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
            const char *name = live->element[i]->str;
            bool counts = prefixes[p][strlen(prefixes[p]) - 1] == ':' ? strncmp(name, prefixes[p], strlen(prefixes[p])) == 0 : strcmp(name, prefixes[p]) == 0;

            if (counts && !is_expected(hash, name))
                differs(comparing, hash, name, live->element[i + 1]->str, "0");
        }
}

static void fields_check(struct comparing *comparing, const struct rebuilt_hash *hash, const struct redisReply *live)
{
    uint64_t before = comparing->comparison->differences;

    for (unsigned i = 0; i < hash->count; i++) {
        const struct redisReply *is = hash->fields[i].surely ? field_of(live, hash->fields[i].name) : NULL;

        if (hash->fields[i].surely && (!is || strcmp(is->str, hash->fields[i].value) != 0))
            differs(comparing, hash, hash->fields[i].name, is ? is->str : "absent", hash->fields[i].value);
    }
    if (hash->whole && hash->kind >= REBUILT_ROLLOUT)
        counters_check(comparing, hash, live);
    comparing->comparison->equal[hash->kind] += comparing->comparison->differences == before;
}

static enum drover_error hash_compare(void *arg, const struct rebuilt_hash *hash)
{
    struct comparing *comparing = arg;
    struct redisReply *reply = NULL;
    enum drover_error error = rebuild_ask(comparing->redis, &reply, comparing->problem, "HGETALL", hash->key, NULL);

    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = problem_set(comparing->problem, DROVER_STORE, "redis", "%s is no hash", hash->key);
    if (!error)
        fields_check(comparing, hash, reply);
    freeReplyObject(reply);
    return error;
}

/* --- what is there and not in the log --- */

static enum drover_error upgrade_look(struct comparing *comparing, const char *key)
{
    const char *device = key + strlen(KEY_PREFIX "upgrade:");
    struct redisReply *reply = NULL;
    enum upgrade_state state;
    enum drover_error error;

    if (rebuild_knows_device(comparing->rebuild, device))
        return DROVER_OK;
    error = rebuild_ask(comparing->redis, &reply, comparing->problem, "HMGET", key, "model", "state", NULL);
    if (!error && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
        reply->element[1]->type == REDIS_REPLY_STRING && upgrade_state_read(reply->element[1]->str, &state)) {
        comparing->comparison->unknown_upgrades++;
        rebuild_note_unknown(comparing->rebuild, reply->element[0]->str, state);
    }
    freeReplyObject(reply);
    return error;
}

/* SCAN may give a key twice when the keyspace is resized meanwhile; the next round counts anew. */
static enum drover_error upgrades_scan(struct comparing *comparing)
{
    char cursor[32] = "0";
    enum drover_error error = DROVER_OK;

    rebuild_forget_unknown(comparing->rebuild);
    do {
        struct redisReply *reply = NULL;

        error = rebuild_ask(comparing->redis, &reply, comparing->problem, "SCAN", cursor, "MATCH", KEY_PREFIX "upgrade:*", "COUNT", SCAN_COUNT, NULL);
        if (!error && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !text_copy(cursor, sizeof cursor, reply->element[0]->str)))
            error = problem_set(comparing->problem, DROVER_STORE, "redis", "SCAN answers something else");
        for (size_t i = 0; !error && i < reply->element[1]->elements; i++)
            error = upgrade_look(comparing, reply->element[1]->element[i]->str);
        freeReplyObject(reply);
    } while (!error && strcmp(cursor, "0") != 0);
    return error;
}

static enum drover_error rollouts_look(struct comparing *comparing)
{
    struct redisReply *reply = NULL;
    enum drover_error error = rebuild_ask(comparing->redis, &reply, comparing->problem, "ZRANGE", KEY_PREFIX "rollouts", "0", "-1", NULL);

    for (size_t i = 0; !error && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        comparing->comparison->unknown_rollouts += !rebuild_knows_rollout(comparing->rebuild, reply->element[i]->str);
    freeReplyObject(reply);
    return error;
}

enum drover_error rebuild_compare(struct rebuild *rebuild, struct redis_sync *redis, struct rebuild_comparison *comparison, struct problem *ret_problem)
{
    struct comparing comparing = {rebuild, redis, comparison, ret_problem};
    struct buffer text = comparison->text;
    enum drover_error error;

    buffer_clear(&text);
    *comparison = (struct rebuild_comparison){.text = text};
    error = upgrades_scan(&comparing);
    if (!error)
        error = rollouts_look(&comparing);
    return error ? error : rebuild_each(rebuild, hash_compare, &comparing);
}
