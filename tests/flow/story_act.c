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
    story_copy(ret->device_id, sizeof ret->device_id, words_at(words, 2));
    story_copy(ret->model, sizeof ret->model, words_text(words, "model", "esp32"));
    story_copy(ret->version, sizeof ret->version, version);
    story_copy(ret->boot_id, sizeof ret->boot_id, words_text(words, "boot", ""));
    story_copy(ret->status, sizeof ret->status, words_text(words, "status", "idle"));
    story_copy(ret->hw_rev, sizeof ret->hw_rev, words_text(words, "hw_rev", ""));
    story_copy(ret->network, sizeof ret->network, words_text(words, "network", ""));
    story_copy(ret->priority, sizeof ret->priority, words_text(words, "priority", ""));
    story_copy(ret->tags, sizeof ret->tags, words_text(words, "tags", ""));
    story_copy(ret->tz, sizeof ret->tz, words_text(words, "tz", ""));
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
    story_copy(ret->device_id, sizeof ret->device_id, words_at(words, 2));
    story_copy(ret->upgrade_id, sizeof ret->upgrade_id, words_text(words, "upgrade", known ? known->upgrade.upgrade_id : "0"));
    story_copy(ret->text, sizeof ret->text, words_text(words, "text", ""));
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

/* "uploads r1 1.5.0": the release of a stepping stone. */
static bool upload_stone(struct world *world, const struct words *words)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    bool fine = rollout && story_upload_stone(rollout, words_at(words, 4));
    world_tell_rollouts(world);
    return fine;
}

/* What the trust store says of the rollout's release, or of that of a stepping stone. why "": it verifies. */
static bool judge_release(struct world *world, const struct words *words, const char *why)
{
    struct rollout *rollout = memory_store_rollout(&world->store, words_at(words, 3));
    unsigned number = rollout ? stones_number(rollout, words_at(words, 4)) : 0;
    struct release *release = !rollout ? NULL : number > 0 ? &rollout->stones->releases[number - 1] : &rollout->release;
    if (release)
        story_copy(release->refused, sizeof release->refused, why);
    world_tell_rollouts(world);
    return release != NULL;
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
    if (!strcmp(what, "uploads"))
        return upload_stone(world, words);
    if (!strcmp(what, "explains"))
        return explain_device(world, words_at(words, 3));
    if (!strcmp(what, "supersedes")) { /* "supersedes r1 r2 esp32 1.2.0" */
        const struct rollout *before = memory_store_rollout(&world->store, words_at(words, 3));
        bool over = before && rollout_state_is_ended(before->state);   /* then it stays as it ended */
        fine = (over || change_rollout(world, words, ROLLOUT_SUPERSEDED)) && story_set_rollout(world, words, 4);
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
