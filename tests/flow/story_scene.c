/* The lines before a story's first moment: rollouts with their plans and releases, the policy, how many orchestrators there are, when it begins. */
#include <stdlib.h>
#include <string.h>

#include "tests/flow/story.h"
#include "tests/flow/story_words.h"

void story_copy(char *dst, size_t size, const char *src)
{
    if (!text_copy(dst, size, src))
        abort();
}

bool story_upload_stone(struct rollout *rollout, const char *stone)
{
    unsigned number = stones_number(rollout, stone);
    if (number == 0 || !rollout->stones)
        return false;
    struct release *release = &rollout->stones->releases[number - 1];
    *release = (struct release){.size_bytes = rollout->release.size_bytes};
    story_copy(release->model, sizeof release->model, rollout->model);
    story_copy(release->version, sizeof release->version, stone);
    memset(release->sha256, 'c', SHA256_HEX_SIZE - 1);
    memset(release->manifest_sha256, 'b', SHA256_HEX_SIZE - 1);
    return true;
}

/* Each of them is there, as good as the target, but for the one that is said to be missing. */
static void set_stones(const struct words *words, struct rollout *rollout)
{
    rollout->stones = stones_count(rollout) ? stones_new(stones_count(rollout)) : NULL;
    for (unsigned i = 0; i < stones_count(rollout); i++)
        if (strcmp(words_text(words, "missing", ""), rollout->plan->steps[i]))
            story_upload_stone(rollout, rollout->plan->steps[i]);
}

/* "plan={...}" without blanks: the plan's JSON but for schema, id, model and version. */
struct plan *story_read_plan(const struct words *words, const struct rollout *rollout)
{
    const char *text = words_text(words, "plan", "{}");
    char json[1024];
    struct plan *plan;
    struct plan_problems problems;
    snprintf(json, sizeof json, "{\"schema\":1,\"id\":\"%s\",\"model\":\"%s\",\"version\":\"%s\"%s%s", rollout->id, rollout->model, rollout->version,
             strcmp(text, "{}") ? "," : "", text + 1);
    if (plan_read(json, strlen(json), &plan, &problems) != DROVER_OK) {
        fprintf(stderr, "%s: %s\n", problems.items[0].where, problems.items[0].what);
        return NULL;
    }
    return plan;
}

static bool set_plan(const struct words *words, struct rollout *rollout)
{
    struct plan *plan;
    if (!words_text(words, "plan", NULL))
        return true;
    if (!(plan = story_read_plan(words, rollout)))
        return false;
    struct rollout before = *rollout;
    rollout_begin(rollout, plan, rollout->created_ms);
    rollout->release = before.release;
    memcpy(rollout->author, before.author, sizeof rollout->author);
    plan_drop(plan);
    set_stones(words, rollout);
    return true;
}

bool story_set_rollout(struct world *world, const struct words *words, unsigned first)
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
    story_copy(rollout->id, sizeof rollout->id, words_at(words, first));
    story_copy(rollout->author, sizeof rollout->author, words_text(words, "author", ""));
    story_copy(rollout->model, sizeof rollout->model, words_at(words, first + 1));
    story_copy(rollout->version, sizeof rollout->version, words_at(words, first + 2));
    struct release *release = &rollout->release;
    story_copy(release->model, sizeof release->model, rollout->model);
    story_copy(release->version, sizeof release->version, rollout->version);
    memset(release->sha256, 'f', SHA256_HEX_SIZE - 1);
    memset(release->manifest_sha256, 'e', SHA256_HEX_SIZE - 1);
    release->size_bytes = 1000000;
    story_copy(release->hw_revs, sizeof release->hw_revs, words_text(words, "hw_revs", ""));
    story_copy(release->min_version, sizeof release->min_version, words_text(words, "min_version", ""));
    release->expires_ms = words_number(words, "expires_in_ms", 0) ? store->now_ms + words_number(words, "expires_in_ms", 0) : 0;
    const char *base = words_text(words, "delta", NULL);
    if (base) {
        release->delta_count = 1;
        story_copy(release->deltas[0].base_version, sizeof release->deltas[0].base_version, base);
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
        return story_set_rollout(world, &words, 1);
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
