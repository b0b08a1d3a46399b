/* The job: read the log, write it into an empty Redis, compare it with the live one; and what is told of each. */
#include "orchestrator/edges/rebuild_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "orchestrator/edges/keys.h"

#define ROUNDS 5        /* the live one moves on while it is compared: what differs is looked at again behind the newest entries */

/* --- writing --- */

struct writing {
    struct redis_sync *redis;
    struct redis_args args;
    uint64_t *counts;
    struct problem *problem;
};

static enum drover_error pushed(struct writing *writing)
{
    enum drover_error error = redis_sync_push(writing->redis, &writing->args);

    return error ? problem_set(writing->problem, error, "redis", "%s", redis_sync_why(writing->redis)) : DROVER_OK;
}

static enum drover_error member_write(struct writing *writing, const char *command, const char *key, const char *score, const char *member)
{
    redis_args_clear(&writing->args);
    redis_args_add_text(&writing->args, command);
    redis_args_add_text(&writing->args, key);
    if (score)
        redis_args_add_text(&writing->args, score);
    redis_args_add_text(&writing->args, member);
    return pushed(writing);
}

static enum drover_error index_write(struct writing *writing, const struct rebuilt_hash *hash)
{
    char score[24];

    (void)snprintf(score, sizeof score, "%" PRId64, hash->created_ms);
    if (hash->kind == REBUILT_ROLLOUT || hash->kind == REBUILT_RELEASE)
        return member_write(writing, "ZADD", hash->kind == REBUILT_ROLLOUT ? KEY_PREFIX "rollouts" : KEY_PREFIX "releases", score, hash->id);
    return hash->kind == REBUILT_MODEL ? member_write(writing, "SADD", KEY_PREFIX "models", NULL, hash->id) : DROVER_OK;
}

/* Devices are for comparing only: their records begin with their next heartbeat. So is a release of which the log does not hold all. */
static bool is_written(const struct rebuilt_hash *hash)
{
    if (hash->kind == REBUILT_PLAN)
        return hash->plan != NULL;
    return hash->count > 0 && hash->kind != REBUILT_DEVICE && (hash->kind != REBUILT_RELEASE || hash->whole);
}

static enum drover_error hash_write(void *arg, const struct rebuilt_hash *hash)
{
    struct writing *writing = arg;
    enum drover_error error;

    if (!is_written(hash))
        return DROVER_OK;
    writing->counts[hash->kind]++;
    if (hash->kind == REBUILT_PLAN)
        return member_write(writing, "SET", hash->key, NULL, hash->plan);
    redis_args_clear(&writing->args);
    redis_args_add_text(&writing->args, "HSET");
    redis_args_add_text(&writing->args, hash->key);
    for (unsigned i = 0; i < hash->count; i++) {
        redis_args_add_text(&writing->args, hash->fields[i].name);
        redis_args_add_text(&writing->args, rebuilt_value(&hash->fields[i]));
    }
    error = pushed(writing);
    return error ? error : index_write(writing, hash);
}

static enum drover_error empty_check(struct redis_sync *redis, struct problem *ret_problem)
{
    struct redisReply *reply = NULL;
    enum drover_error error = rebuild_ask(redis, &reply, ret_problem, "DBSIZE", NULL);

    if (!error && (reply->type != REDIS_REPLY_INTEGER || reply->integer != 0))
        error = problem_set(ret_problem, DROVER_REFUSED, "--rebuild-into", "the database holds %lld keys: it must be an empty one", reply->integer);
    redis_reply_free(reply);
    return error;
}

enum drover_error rebuild_write(struct rebuild *rebuild, struct redis_sync *redis, uint64_t ret_counts[REBUILT_KIND_COUNT], struct problem *ret_problem)
{
    struct writing writing = {.redis = redis, .counts = ret_counts, .problem = ret_problem};
    struct redisReply *reply = NULL;
    enum drover_error error = empty_check(redis, ret_problem);

    memset(ret_counts, 0, REBUILT_KIND_COUNT * sizeof *ret_counts);
    if (error)
        return error;
    redis_args_init(&writing.args);
    error = rebuild_ask(redis, &reply, ret_problem, "HSET", KEY_SCHEMA, "version", "1", NULL);
    redis_reply_free(reply);
    if (!error)
        error = rebuild_each(rebuild, hash_write, &writing);
    if (!error && (error = redis_sync_settle(redis)) != DROVER_OK)
        error = problem_set(ret_problem, error, "redis", "%s", redis_sync_why(redis));
    redis_args_done(&writing.args);
    return error;
}

/* --- what is told --- */

static void log_say(FILE *out, const struct rebuild *rebuild)
{
    const struct rebuild_facts facts = rebuild_facts(rebuild);

    fprintf(out, "the log: %" PRIu64 " entries, %s to %s; %" PRIu64 " moves of %" PRIu64 " upgrades of %" PRIu64 " devices, %" PRIu64 " rollouts\n", facts.entries,
            facts.first[0] ? facts.first : "-", facts.last[0] ? facts.last : "-", facts.moves, facts.upgrades, facts.devices, facts.rollouts);
    if (facts.rollouts_begun_before)
        fprintf(out, "not known: the counters of %" PRIu64 " rollouts that began before the first entry that is kept\n", facts.rollouts_begun_before);
    if (facts.plans_too_long)
        fprintf(out, "not known: the plans of %" PRIu64 " rollouts, longer than an entry takes: compared by their digests, not rebuilt\n", facts.plans_too_long);
}

static void counts_say(FILE *out, const uint64_t counts[REBUILT_KIND_COUNT])
{
    fprintf(out, "%" PRIu64 " upgrades, %" PRIu64 " rollouts, %" PRIu64 " plans, %" PRIu64 " stages, %" PRIu64 " models, %" PRIu64 " releases\n", counts[REBUILT_UPGRADE],
            counts[REBUILT_ROLLOUT], counts[REBUILT_PLAN], counts[REBUILT_STAGE], counts[REBUILT_MODEL], counts[REBUILT_RELEASE]);
}

static void written_say(FILE *out, const char *into, const uint64_t counts[REBUILT_KIND_COUNT])
{
    fprintf(out, "rebuilt into %s: ", into);
    counts_say(out, counts);
}

static void comparison_say(FILE *out, const struct rebuild_comparison *comparison)
{
    fputs("as the log says: ", out);
    counts_say(out, comparison->equal);
    if (comparison->unknown_upgrades)
        fprintf(out, "not known: %" PRIu64 " upgrades whose entries are all trimmed; they are counted in their models as they stand\n", comparison->unknown_upgrades);
    if (comparison->unknown_rollouts)
        fprintf(out, "not known: the counters of %" PRIu64 " rollouts that began before the first entry that is kept\n", comparison->unknown_rollouts);
    if (comparison->unknown_plans)
        fprintf(out, "not known: the plans of %" PRIu64 " rollouts: the log says nothing of them\n", comparison->unknown_plans);
    if (comparison->unknown_releases)
        fprintf(out, "not known: %" PRIu64 " releases that were added before the log begins, or by an older Drover\n", comparison->unknown_releases);
    if (comparison->differences)
        fprintf(out, "DIFFERENCES: %" PRIu64 " fields\n%s", comparison->differences, comparison->text.bytes ? comparison->text.bytes : "");
    fputs(comparison->differences ? "" : "no differences\n", out);
}

/* --- the job --- */

static enum drover_error into_write(const struct rebuild_job *job, struct rebuild *rebuild, struct problem *ret_problem)
{
    const struct redis_sync_config config = {.url = job->into, .timeout_ms = job->live.timeout_ms};
    uint64_t counts[REBUILT_KIND_COUNT];
    struct redis_sync *redis = NULL;
    enum drover_error error = redis_sync_new(&config, &redis, ret_problem);

    if (!error)
        error = rebuild_write(rebuild, redis, counts, ret_problem);
    if (!error)
        written_say(job->out, job->into, counts);
    redis_sync_free(redis);
    return error;
}

static bool has_moved(struct rebuild *rebuild, uint64_t entries)
{
    return rebuild_facts(rebuild).entries != entries;
}

static enum drover_error live_compare(const struct rebuild_job *job, struct rebuild *rebuild, struct redis_sync *live, struct problem *ret_problem)
{
    struct rebuild_comparison comparison = {.differences = 0};
    enum drover_error error = DROVER_OK;
    bool moved = true;

    buffer_init(&comparison.text, 0);
    for (int round = 0; round < ROUNDS && !error && moved; round++) {
        uint64_t entries = rebuild_facts(rebuild).entries;

        error = rebuild_compare(rebuild, live, &comparison, ret_problem);
        if (!error && comparison.differences)
            error = rebuild_read_redis(rebuild, live, ret_problem);
        moved = comparison.differences && has_moved(rebuild, entries);
    }
    if (!error) {
        comparison_say(job->out, &comparison);
        if (comparison.differences)
            error = problem_set(ret_problem, DROVER_MISMATCH, "--rebuild-compare", "Redis is not what its log says: %" PRIu64 " fields", comparison.differences);
    }
    buffer_done(&comparison.text);
    return error;
}

static enum drover_error log_read(const struct rebuild_job *job, struct rebuild *rebuild, struct redis_sync *live, struct problem *ret_problem)
{
    enum drover_error error = job->from ? rebuild_read_file(rebuild, job->from, ret_problem) : DROVER_OK;

    if (!error && (!job->from || job->compare))
        error = rebuild_read_redis(rebuild, live, ret_problem);
    if (!error)
        log_say(job->out, rebuild);
    return error;
}

enum drover_error rebuild_run(const struct rebuild_job *job, struct problem *ret_problem)
{
    struct rebuild *rebuild = rebuild_new();
    struct redis_sync *live = NULL;
    enum drover_error error = redis_sync_new(&job->live, &live, ret_problem);

    if (!error)
        error = log_read(job, rebuild, live, ret_problem);
    if (!error && job->into)
        error = into_write(job, rebuild, ret_problem);
    if (!error && job->compare)
        error = live_compare(job, rebuild, live, ret_problem);
    redis_sync_free(live);
    rebuild_free(rebuild);
    return error;
}
