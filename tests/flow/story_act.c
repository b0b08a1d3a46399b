/* What a story's input lines do to the world. */
#include <stdlib.h>
#include <string.h>

#include "tests/flow/story.h"
#include "tests/flow/story_words.h"

#define EACH_MS 30000

static size_t via(const struct words *words)
{
    return !strcmp(words_text(words, "via", "A"), "B") ? 1 : 0;
}

static void copy(char *dst, size_t size, const char *src)
{
    if (!text_copy(dst, size, src))
        abort();
}

/* --- setting the scene --- */

/* "plan={...}" without blanks: the plan's JSON but for schema, id, model and version. */
static bool set_plan(const struct words *words, struct rollout *rollout)
{
    const char *text = words_text(words, "plan", NULL);
    char json[1024];
    struct plan *plan;
    struct plan_problems problems;
    if (!text)
        return true;
    snprintf(json, sizeof json, "{\"schema\":1,\"id\":\"%s\",\"model\":\"%s\",\"version\":\"%s\"%s%s", rollout->id, rollout->model, rollout->version,
             strcmp(text, "{}") ? "," : "", text + 1);
    if (plan_read(json, strlen(json), &plan, &problems) != DROVER_OK) {
        fprintf(stderr, "%s: %s\n", problems.items[0].where, problems.items[0].what);
        return false;
    }
    struct rollout before = *rollout;
    rollout_begin(rollout, plan, rollout->created_ms);
    rollout->release = before.release;
    memcpy(rollout->author, before.author, sizeof rollout->author);
    plan_drop(plan);
    return true;
}

static bool set_rollout(struct world *world, const struct words *words, unsigned first)
{
    struct memory_store *store = &world->store;
    if (store->rollout_count == ROLLOUTS_MAX || words->count < first + 3)
        return false;
    struct rollout *rollout = &store->rollouts[store->rollout_count++];
    *rollout = (struct rollout){
        .state = ROLLOUT_RUNNING, .created_ms = store->now_ms, .epoch = store->now_ms,
        .share_pct = words_number(words, "share_pct", 100), .max_in_flight = words_number(words, "max_in_flight", 100),
        .max_attempts = words_number(words, "max_attempts", 3), .error_budget_pct = 100,
        .confirmations = words_number(words, "confirmations", 2), .soak_ms = words_number(words, "soak_ms", 0),
        .spread_s = words_number(words, "spread_s", 0)};
    copy(rollout->id, sizeof rollout->id, words_at(words, first));
    copy(rollout->author, sizeof rollout->author, words_text(words, "author", ""));
    copy(rollout->model, sizeof rollout->model, words_at(words, first + 1));
    copy(rollout->version, sizeof rollout->version, words_at(words, first + 2));
    struct release *release = &rollout->release;
    copy(release->model, sizeof release->model, rollout->model);
    copy(release->version, sizeof release->version, rollout->version);
    memset(release->sha256, 'f', SHA256_HEX_SIZE - 1);
    memset(release->manifest_sha256, 'e', SHA256_HEX_SIZE - 1);
    release->size_bytes = 1000000;
    copy(release->hw_revs, sizeof release->hw_revs, words_text(words, "hw_revs", ""));
    copy(release->min_version, sizeof release->min_version, words_text(words, "min_version", ""));
    release->expires_ms = words_number(words, "expires_in_ms", 0) ? store->now_ms + words_number(words, "expires_in_ms", 0) : 0;
    const char *base = words_text(words, "delta", NULL);
    if (base) {
        release->delta_count = 1;
        copy(release->deltas[0].base_version, sizeof release->deltas[0].base_version, base);
        memset(release->deltas[0].sha256, 'd', SHA256_HEX_SIZE - 1);
        release->deltas[0].size_bytes = 50000;
    }
    return set_plan(words, rollout);
}

/* "begins 2026-03-29T00:30:00Z" */
static bool set_begin(struct world *world, const struct words *words)
{
    bool fine = text_time_read(words_at(words, 1), &world->begin_ms);
    world->store.now_ms = world->begin_ms;
    return fine;
}

static bool set_policy(struct world *world, const struct words *words)
{
    static const struct {
        const char *name;
        size_t offset;
    } members[] = {
#define MEMBER(name) {#name, offsetof(struct policy, name)}
        MEMBER(silent_after_ms), MEMBER(lost_give_up_ms), MEMBER(download_total_ms), MEMBER(install_ms), MEMBER(busy_max), MEMBER(clash_ms),
        MEMBER(retry_base_ms), MEMBER(boot_loop_max), MEMBER(unhealthy_max), MEMBER(quarantine_ms),
#undef MEMBER
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        int64_t *member = (int64_t *)(void *)((char *)&world->policy + members[i].offset);
        *member = words_number(words, members[i].name, *member);
    }
    return true;
}

bool story_set(struct world *world, char *text)
{
    struct words words;
    words_split(text, &words);
    const char *what = words_at(&words, 0);
    if (!strcmp(what, "rollout"))
        return set_rollout(world, &words, 1);
    if (!strcmp(what, "engine"))
        return (world->engine = true);
    if (!strcmp(what, "hush"))
        return (world->hushed = true);
    if (!strcmp(what, "begins"))
        return set_begin(world, &words);
    if (!strcmp(what, "policy"))
        return set_policy(world, &words);
    if (!strcmp(what, "orchestrators"))
        world->orchestrator_count = (size_t)atoi(words_at(&words, 1));
    return world->orchestrator_count >= 1 && world->orchestrator_count <= ORCHESTRATORS_MAX && !strcmp(what, "orchestrators");
}

/* --- devices --- */

static enum device_kind kind_of(const struct words *words)
{
    return words_have(words, "managed") ? KIND_MANAGED : words_have(words, "simple") ? KIND_SIMPLE : KIND_UNKNOWN;
}

void story_read_heartbeat(struct world *world, const struct words *words, const char *version, struct heartbeat *ret)
{
    *ret = (struct heartbeat){.uptime_s = ABSENT, .rssi_dbm = ABSENT, .battery_pct = ABSENT, .kind = kind_of(words),
                              .seq = words_number(words, "seq", world->seq + 1)};
    if (ret->seq > world->seq)
        world->seq = ret->seq;
    copy(ret->device_id, sizeof ret->device_id, words_at(words, 2));
    copy(ret->model, sizeof ret->model, words_text(words, "model", "esp32"));
    copy(ret->version, sizeof ret->version, version);
    copy(ret->boot_id, sizeof ret->boot_id, words_text(words, "boot", ""));
    copy(ret->status, sizeof ret->status, words_text(words, "status", "idle"));
    copy(ret->hw_rev, sizeof ret->hw_rev, words_text(words, "hw_rev", ""));
    copy(ret->network, sizeof ret->network, words_text(words, "network", ""));
    copy(ret->priority, sizeof ret->priority, words_text(words, "priority", ""));
    copy(ret->tags, sizeof ret->tags, words_text(words, "tags", ""));
    copy(ret->tz, sizeof ret->tz, words_text(words, "tz", ""));
    ret->battery_pct = words_number(words, "battery_pct", ABSENT);
}

static void report_done(void *arg, enum drover_error error, const char *why)
{
    if (error != DROVER_OK)
        world_say(arg, "drover  = %s: %s", drover_error_name(error), why);
}

static bool read_report(struct world *world, const struct words *words, struct report *ret)
{
    const struct memory_device *known = memory_store_device(&world->store, words_at(words, 2));
    *ret = (struct report){.attempt = words_number(words, "attempt", known ? known->upgrade.attempt : 1),
                           .seq = words_number(words, "seq", world->seq + 1), .progress = words_number(words, "progress", ABSENT)};
    if (ret->seq > world->seq)
        world->seq = ret->seq;
    copy(ret->device_id, sizeof ret->device_id, words_at(words, 2));
    copy(ret->upgrade_id, sizeof ret->upgrade_id, words_text(words, "upgrade", known ? known->upgrade.upgrade_id : "0"));
    copy(ret->text, sizeof ret->text, words_text(words, "text", ""));
    for (int i = 0; i < REPORT_STATE_COUNT; i++) {
        ret->state = (enum report_state)i;
        if (!strcmp(report_state_name(ret->state), words_at(words, 4)))
            return error_code_read(words_text(words, "error", ""), &ret->error);
    }
    return false;
}

static void answered(void *arg, enum drover_error error, const struct flow_offer *offer)
{
    const struct command *command = &offer->command;
    if (error != DROVER_OK)
        world_say(arg, "answer  < 503 %s%s", offer->why, offer->no_room ? " (later)" : "");
    else if (!offer->offered)
        world_say(arg, "answer  < 304 %s", offer->why);
    else
        world_say(arg, "answer  < 200 update %s, attempt %lld, %s%s", command->version, (long long)command->attempt,
                  command->delta ? "delta from " : "full", command->base_version);
}

static bool act_device(struct world *world, const struct words *words)
{
    const char *what = words_at(words, 3);
    struct flow *flow = world_flow(world, via(words));
    struct heartbeat heartbeat;
    struct report report;
    if (!strcmp(what, "heartbeat")) {
        story_read_heartbeat(world, words, words_at(words, 4), &heartbeat);
        world_heartbeat(world, via(words), &heartbeat);
    } else if (!strcmp(what, "keeps")) { /* "keeps sending 1.0.0 boot=b1 until=900000" */
        story_read_heartbeat(world, words, words_at(words, 5), &heartbeat);
        world_keep_sending(world, &heartbeat, words_number(words, "each", EACH_MS), world->begin_ms + words_number(words, "until", INT64_MAX / 2));
        world_heartbeat(world, via(words), &heartbeat);
    } else if (!strcmp(what, "report")) {
        if (!flow || !read_report(world, words, &report))
            return false;
        flow_report(flow, &report, report_done, world);
    } else if (!strcmp(what, "goes")) { /* "goes offline": its last will */
        struct memory_device *known = memory_store_device(&world->store, words_at(words, 2));
        if (!known)
            return false;
        known->device.online = false;
    } else if (!strcmp(what, "asks") && flow) {
        const char *id = words_at(words, 2);
        flow_ask(flow, strcmp(id, "somebody") ? id : "", words_text(words, "model", "esp32"), words_at(words, 4), answered, world);
    } else {
        return false;
    }
    return true;
}

/* "depot > all carries places=2 used=1 ahead_ms=5000" */
static bool depot_carries(struct world *world, const struct words *words)
{
    const struct depot_load load = {.places = words_number(words, "places", 0), .used = words_number(words, "used", 0),
                                    .ahead_ms = words_number(words, "ahead_ms", 0)};
    world_tell_rollouts(world);
    for (size_t i = 0; i < world->orchestrator_count; i++)
        if (world->orchestrators[i].flow)
            flow_set_depot(world->orchestrators[i].flow, &load);
    return true;
}

static bool act_depot(struct world *world, const struct words *words)
{
    if (!strcmp(words_at(words, 3), "carries"))
        return depot_carries(world, words);
    struct flow *flow = world_flow(world, 0);
    const struct memory_device *known = memory_store_device(&world->store, words_at(words, 2));
    if (!flow || !known || strcmp(words_at(words, 3), "gave"))
        return false;
    int64_t pct = atoi(words_at(words, 4)); /* "gave 50 %" */
    struct served served = {.attempt = words_number(words, "attempt", known->upgrade.attempt), .whole = pct == 100, .progress_pct = pct,
                            .at_ms = words_number(words, "at", world->store.now_ms)};
    text_copy(served.device_id, sizeof served.device_id, words_at(words, 2));
    text_copy(served.upgrade_id, sizeof served.upgrade_id, known->upgrade.upgrade_id);
    flow_served(flow, &served, NULL, NULL);
    return true;
}

/* --- people --- */

static void rollback_done(void *arg, enum drover_error error, const char *why)
{
    world_say(arg, "answer  < %d %s", error == DROVER_OK ? 200 : 409, why);
}

static bool change_rollout(struct world *world, const struct words *words, enum rollout_state state)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    if (rollout)
        rollout->state = state;
    world_tell_rollouts(world);
    return rollout != NULL;
}

/* What the trust store says of the rollout's release. why "": it verifies. */
static bool judge_release(struct world *world, const struct words *words, const char *why)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    if (rollout)
        copy(rollout->release.refused, sizeof rollout->release.refused, why);
    world_tell_rollouts(world);
    return rollout != NULL;
}

static bool explain_device(struct world *world, const char *device_id)
{
    struct memory_device *known = memory_store_device(&world->store, device_id);
    struct flow *flow = world_flow(world, 0);
    if (!known || !flow)
        return false;
    struct explanation explanation;
    flow_explain(flow, &known->device, &known->upgrade, &explanation);
    world_say(world, "answer  < now: %s", explanation.now);
    world_say(world, "answer  < next: %s", explanation.next);
    if (explanation.next_ms)
        world_say(world, "answer  < by: %lld", (long long)(explanation.next_ms - world->begin_ms));
    return true;
}

static bool act_operator(struct world *world, const struct words *words)
{
    const char *what = words_at(words, 2);
    bool fine;
    if (story_control(world, words, &fine) || story_move_rollout(world, words, &fine))
        return fine;
    if (!strcmp(what, "counts"))
        return story_count_rollout(world, words_at(words, 3));
    if (!strcmp(what, "measures"))
        return story_measure_rollout(world, words_at(words, 3));
    if (!strcmp(what, "reads"))
        return story_read_gates(world, words_at(words, 3));
    if (!strcmp(what, "pauses"))
        return change_rollout(world, words, ROLLOUT_PAUSED);
    if (!strcmp(what, "resumes"))
        return change_rollout(world, words, ROLLOUT_RUNNING);
    if (!strcmp(what, "cancels"))
        return change_rollout(world, words, ROLLOUT_CANCELLED);
    if (!strcmp(what, "revokes")) /* the key that signed its release */
        return judge_release(world, words, "E_SIGNATURE: 0 of 1 signatures");
    if (!strcmp(what, "trusts"))
        return judge_release(world, words, "");
    if (!strcmp(what, "explains"))
        return explain_device(world, words_at(words, 3));
    if (!strcmp(what, "supersedes")) { /* "supersedes r1 r2 esp32 1.2.0" */
        const struct rollout *before = memory_store_rollout(&world->store, words_at(words, 3));
        bool over = before && rollout_state_is_ended(before->state);   /* then it stays as it ended */
        fine = (over || change_rollout(world, words, ROLLOUT_SUPERSEDED)) && set_rollout(world, words, 4);
        world_tell_rollouts(world);
        return fine;
    }
    struct flow *flow = world_flow(world, 0);
    if (strcmp(what, "rollback") || !flow)
        return false;
    flow_rollback(flow, words_at(words, 3), words_text(words, "by", ""), rollback_done, world);
    return true;
}

/* --- trouble --- */

static bool act_trouble(struct world *world, const struct words *words)
{
    struct store_trouble *trouble = &world->store.trouble;
    const char *who = words_at(words, 2), *what = words_at(words, 3);
    size_t index = *who == 'B';
    if (!strcmp(what, "dies"))
        world_kill(world, index);
    else if (!strcmp(what, "starts"))
        world_start(world, index);
    else if (!strcmp(what, "unreachable"))
        trouble->unreachable = true;
    else if (!strcmp(what, "read-only"))
        trouble->read_only = true;
    else if (!strcmp(what, "back"))
        *trouble = (struct store_trouble){.lose_replies = 0};
    else if (!strcmp(who, "store") && !strcmp(what, "loses"))
        trouble->lose_replies = atoi(words_at(words, 4));
    else if (!strcmp(who, "broker") && !strcmp(what, "loses"))
        world->lose_commands = atoi(words_at(words, 4));
    else
        return false;
    return true;
}

static const struct {
    const char *begin;
    bool (*act)(struct world *world, const struct words *words);
} actors[] = {
    {"device >", act_device}, {"fleet >", story_act_fleet}, {"depot >", act_depot}, {"operator >", act_operator}, {"trouble !", act_trouble}, {"clock >", NULL},
};

/* The actor of a line; the number of actors when it is none that acts. */
static size_t actor_of(const char *text)
{
    char who[16] = "", arrow[4] = "", both[24];
    if (sscanf(text, "%15s %3s", who, arrow) != 2)
        return sizeof actors / sizeof actors[0];
    snprintf(both, sizeof both, "%s %s", who, arrow);
    size_t i = 0;
    while (i < sizeof actors / sizeof actors[0] && strcmp(actors[i].begin, both))
        i++;
    return i;
}

bool story_is_input(const char *text)
{
    return actor_of(text) < sizeof actors / sizeof actors[0];
}

bool story_act(struct world *world, char *text)
{
    size_t actor = actor_of(text);
    struct words words;
    words_split(text, &words);
    return !actors[actor].act || actors[actor].act(world, &words);
}
