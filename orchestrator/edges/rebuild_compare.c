/* Key by key: what the log says of it against what stands there. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/sha256.h"
#include "common/text.h"
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

/* Fields that follow from the log in every hash, by how they begin: what the log knows nothing of is wrong. Of others it may not know. */
static bool is_counter(const char *name)
{
    static const char *const prefixes[] = {"state:", "error:", "opened@"};
    bool counts = strcmp(name, "opened") == 0 || strcmp(name, "retried") == 0;

    for (unsigned i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        counts = counts || strncmp(name, prefixes[i], strlen(prefixes[i])) == 0;
    return counts;
}

static void surplus_check(struct comparing *comparing, const struct rebuilt_hash *hash, const struct redisReply *live)
{
    bool all = hash->kind == REBUILT_RELEASE || hash->kind == REBUILT_SITES;

    for (size_t i = 0; i + 1 < live->elements; i += 2) {
        const char *name = live->element[i]->str;

        if ((all || is_counter(name)) && !is_expected(hash, name))
            differs(comparing, hash, name, live->element[i + 1]->str, all ? "absent" : "0");
    }
}

static void fields_check(struct comparing *comparing, const struct rebuilt_hash *hash, const struct redisReply *live)
{
    uint64_t before = comparing->comparison->differences;

    for (unsigned i = 0; i < hash->count; i++) {
        const char *should_be = rebuilt_value(&hash->fields[i]);
        const struct redisReply *is = hash->fields[i].surely ? field_of(live, hash->fields[i].name) : NULL;

        if (hash->fields[i].surely && strcmp(is ? is->str : "", should_be) != 0)
            differs(comparing, hash, hash->fields[i].name, is ? is->str : "absent", should_be[0] ? should_be : "absent");
    }
    if (hash->whole && hash->kind >= REBUILT_ROLLOUT)
        surplus_check(comparing, hash, live);
    comparing->comparison->equal[hash->kind] += comparing->comparison->differences == before;
}

/* A plan that was too long for the log is compared by its digest. */
static bool plan_is(const struct rebuilt_hash *hash, const struct redisReply *live)
{
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];

    if (live->type != REDIS_REPLY_STRING || (int64_t)live->len != hash->plan_bytes)
        return false;
    if (hash->plan)
        return memcmp(live->str, hash->plan, live->len) == 0;
    if (hash->count == 0 || !sha256_of(live->str, live->len, digest))
        return false;
    text_hex(hex, digest, sizeof digest);
    return strcmp(hex, rebuilt_value(&hash->fields[0])) == 0;
}

static enum drover_error plan_compare(struct comparing *comparing, const struct rebuilt_hash *hash)
{
    struct redisReply *reply = NULL;
    enum drover_error error = rebuild_ask(comparing->redis, &reply, comparing->problem, "GET", hash->key, NULL);

    if (!error && plan_is(hash, reply))
        comparing->comparison->equal[REBUILT_PLAN]++;
    else if (!error)
        differs(comparing, hash, "(plan)", reply->type == REDIS_REPLY_STRING ? "another" : "absent", hash->count ? rebuilt_value(&hash->fields[0]) : "there");
    redis_reply_free(reply);
    return error;
}

static enum drover_error hash_compare(void *arg, const struct rebuilt_hash *hash)
{
    struct comparing *comparing = arg;
    struct redisReply *reply = NULL;

    if (hash->kind == REBUILT_PLAN)
        return plan_compare(comparing, hash);
    enum drover_error error = rebuild_ask(comparing->redis, &reply, comparing->problem, "HGETALL", hash->key, NULL);

    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = problem_set(comparing->problem, DROVER_STORE, "redis", "%s is no hash", hash->key);
    if (!error)
        fields_check(comparing, hash, reply);
    redis_reply_free(reply);
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
    redis_reply_free(reply);
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
        redis_reply_free(reply);
    } while (!error && strcmp(cursor, "0") != 0);
    return error;
}

static enum drover_error rollout_look(struct comparing *comparing, const char *id)
{
    char key[KEY_SIZE];
    struct redisReply *reply = NULL;
    enum drover_error error;

    comparing->comparison->unknown_rollouts += !rebuild_knows_rollout(comparing->rebuild, id);
    if (rebuild_knows_plan(comparing->rebuild, id))
        return DROVER_OK;
    (void)snprintf(key, sizeof key, KEY_PREFIX "rollout:%.64s:plan", id);
    error = rebuild_ask(comparing->redis, &reply, comparing->problem, "EXISTS", key, NULL);
    comparing->comparison->unknown_plans += !error && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    redis_reply_free(reply);
    return error;
}

static enum drover_error release_look(struct comparing *comparing, const char *name)
{
    comparing->comparison->unknown_releases += !rebuild_knows_release(comparing->rebuild, name);
    return DROVER_OK;
}

static enum drover_error index_look(struct comparing *comparing, const char *key, enum drover_error (*look)(struct comparing *comparing, const char *name))
{
    struct redisReply *reply = NULL;
    enum drover_error error = rebuild_ask(comparing->redis, &reply, comparing->problem, "ZRANGE", key, "0", "-1", NULL);

    for (size_t i = 0; !error && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        error = look(comparing, reply->element[i]->str);
    redis_reply_free(reply);
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
        error = index_look(&comparing, KEY_PREFIX "rollouts", rollout_look);
    if (!error)
        error = index_look(&comparing, KEY_PREFIX "releases", release_look);
    return error ? error : rebuild_each(rebuild, hash_compare, &comparing);
}
