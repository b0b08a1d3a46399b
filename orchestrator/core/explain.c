/* The answer to "why is this device not updating?", from the same guards that decide. */
#include "orchestrator/core/explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "orchestrator/core/deadlines.h"
#include "orchestrator/core/predicates.h"
#include "orchestrator/core/retry.h"
#include "orchestrator/core/truth.h"

static void say(char *dst, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
static void say(char *dst, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(dst, size, format, arguments);
    va_end(arguments);
}
#define ROOM_SIZE 64
#define NOW(...) say(ret->now, sizeof ret->now, __VA_ARGS__)
#define NEXT(...) say(ret->next, sizeof ret->next, __VA_ARGS__)

static long long since_s(const struct situation *s)
{
    int64_t age_ms = s->now_ms - s->upgrade->state_ms;
    return age_ms > 0 ? age_ms / 1000 : 0;
}

static const char *goal(const struct situation *s)
{
    return upgrade_goal(s->upgrade);
}

/* Which of its stepping stones its leg leads to; "" when it leads to the target. */
static const char *way(const struct situation *s, char *dst, size_t size)
{
    *dst = '\0';
    if (s->upgrade->via[0] && s->rollout)
        say(dst, size, " (%u of %u stones before %s)", stones_number(s->rollout, s->upgrade->via), stones_count(s->rollout), s->upgrade->version);
    return dst;
}

/* What follows when nothing comes before the deadline. */
static const char *otherwise(const struct situation *s)
{
    return retry_left(s->policy, s->rollout, s->upgrade) ? "the next attempt follows" : "it has failed, this is its last attempt";
}

/* What stands against one more download, in numbers. */
static const char *room(const struct situation *s, char *dst, size_t size)
{
    say(dst, size, "%lld of %lld places", (long long)pace_taken(s->pace), (long long)s->pace->depot.places);
    return dst;
}

/* A row that knows when it will hold, or a limit: it is a matter of time. */
static void held_back(const struct situation *s, const struct look *look, const struct predicate *row, const char *refusal, struct explanation *ret)
{
    struct finding finding = {.next_ms = 0};
    char taken[ROOM_SIZE];
    if (row->describe)
        row->describe(look, &finding);
    if (refusal == pace_refusal) {
        NEXT("its turn comes when there is room: %s (%s)", refusal, room(s, taken, sizeof taken));
    } else if (row->limit && look->rollout->plan) {
        NEXT("waits for its turn: %s (%s)", refusal, finding.value);
    } else if (!row->limit && finding.next_ms > s->now_ms) {
        NEXT("its turn comes later: %s%s%s", refusal, finding.value[0] ? ", " : "", finding.value);
        ret->next_ms = finding.next_ms;
    } else {
        NEXT("nothing is planned: %s", refusal);
    }
}

static void without_upgrade(const struct situation *s, struct explanation *ret)
{
    struct look look;
    const char *refusal;
    situation_look(s, s->running, &look);
    look.again = look.has_turn = decide_has_another_turn(s);
    const struct predicate *row = predicates_refuse(&look, true, &refusal);
    const char *stone = s->running ? stones_next(s->running, s->device->last.version) : "";
    if (s->upgrade->state == STATE_NONE)
        NOW("runs %s, has no upgrade", s->device->last.version);
    if (row)
        held_back(s, &look, row, refusal, ret);
    else if (look.again)
        NEXT("is given another turn in rollout %s to %s", s->running->id, s->running->version);
    else if (s->device->last.kind == KIND_SIMPLE)
        NEXT("is offered %s when it asks over HTTP", stone[0] ? stone : s->running->version);
    else
        NEXT("its next heartbeat takes it into rollout %s to %s%s%s", s->running->id, s->running->version, stone[0] ? ", by way of " : "", stone);
}

static void pending(const struct situation *s, struct explanation *ret)
{
    const char *refusal = decide_dispatch_refusal(s);
    char taken[ROOM_SIZE], rest[ROOM_SIZE];
    if (refusal == pace_refusal)
        NEXT("waits: %s (%s)", refusal, room(s, taken, sizeof taken));
    else if (refusal)
        NEXT("waits: %s", refusal);
    else
        NEXT("is told to update to %s%s", goal(s), way(s, rest, sizeof rest));
}

static void dispatched(const struct situation *s, struct explanation *ret)
{
    long long left = s->policy->acknowledge_repeats - s->upgrade->repeats;
    if (left > 0)
        NEXT("without a reaction it is told again (left: %lld)", left);
    else
        NEXT("must react; otherwise %s", otherwise(s));
}

static void acknowledged(const struct situation *s, struct explanation *ret)
{
    NEXT("must begin to download; otherwise %s", otherwise(s));
}

static void downloading(const struct situation *s, struct explanation *ret)
{
    NOW("downloading since %lld s: %lld %%", since_s(s), (long long)s->upgrade->progress);
    NEXT("must get further; otherwise %s", otherwise(s));
}

static void held(const struct situation *s, struct explanation *ret)
{
    struct look look;
    const struct predicate *row;
    const char *refusal = decide_held_refusal(s, &look, &row);
    if (s->upgrade->has_package)
        NOW("has the package, holds no place since %lld s: %s", since_s(s), s->upgrade->why);
    if (refusal && row)
        held_back(s, &look, row, refusal, ret);
    else if (refusal)
        NEXT("waits: %s", refusal);
    else
        NEXT("is told to %s", s->upgrade->has_package ? "install it" : "download");
}

static void installing(const struct situation *s, struct explanation *ret)
{
    NEXT("must reboot into %s; otherwise %s", goal(s), otherwise(s));
}

/* Its rollout goes back, and it is on the version that is to be left. */
static void going_back(const struct situation *s, struct explanation *ret)
{
    const char *refusal = decide_back_refusal(s);
    if (refusal)
        NEXT("its rollout goes back; it does not yet: %s", refusal);
    else
        NEXT("is told to go back to %s when a place is free and it is online", s->upgrade->from_version);
}

static void verifying(const struct situation *s, struct explanation *ret)
{
    const struct upgrade *upgrade = s->upgrade;
    long long needed = truth_needed(s->rollout), have = upgrade->confirmations;
    const char *then = upgrade->via[0] ? "goes on to the next leg" : "succeeds";
    if (upgrade->rebooted_ms && decide_goes_back(s)) {
        going_back(s, ret);
        return;
    }
    int64_t soak_ms = s->rollout ? s->rollout->soak_ms : 0;
    if (!upgrade->rebooted_ms) {
        NOW("verifying since %lld s: no heartbeat from a new boot on %s yet", since_s(s), goal(s));
        NEXT("such a heartbeat must come; otherwise %s", otherwise(s));
        return;
    }
    if (upgrade->unhealthy)
        NOW("verifying since %lld s: unhealthy for %lld of %lld heartbeats on %s", since_s(s), (long long)upgrade->unhealthy,
            (long long)s->policy->unhealthy_max, goal(s));
    else
        NOW("verifying since %lld s: %lld of %lld healthy heartbeats on %s", since_s(s), have, needed, goal(s));
    int64_t soaked_ms = have ? s->now_ms - upgrade->confirmed_ms : 0;
    long long soak_left_s = soaked_ms < soak_ms ? (soak_ms - soaked_ms + 999) / 1000 : 0;
    if (have < needed)
        NEXT("%s after %lld more healthy heartbeat%s and %lld s of soak; otherwise it goes back", then, needed - have,
             needed - have == 1 ? "" : "s", soak_left_s);
    else
        NEXT("%s with the first healthy heartbeat after %lld s of soak; otherwise it goes back", then, soak_left_s);
}

static void retry_wait(const struct situation *s, struct explanation *ret)
{
    NOW("waits before attempt %lld of %lld: %s", (long long)retry_attempts_used(s->policy, s->upgrade) + 1,
        (long long)retry_attempts_max(s->rollout), s->upgrade->why);
    const char *refusal = decide_dispatch_refusal(s);
    char taken[ROOM_SIZE];
    if (refusal == pace_refusal)
        NEXT("waits on: %s (%s)", refusal, room(s, taken, sizeof taken));
    else if (refusal)
        NEXT("waits on: %s", refusal);
    else
        NEXT("is told again, %s", s->upgrade->full_only ? "with the full package" : "with the same package");
}

static void rolling_back(const struct situation *s, struct explanation *ret)
{
    long long left = s->policy->rollback_repeats - s->upgrade->repeats;
    if (left > 0)
        NEXT("a heartbeat on %s ends it; otherwise it is told again (left: %lld)", s->upgrade->from_version, left);
    else
        NEXT("a heartbeat on %s ends it; otherwise it has failed, with an alarm", s->upgrade->from_version);
}

static void lost(const struct situation *s, struct explanation *ret)
{
    NOW("lost since %lld s, from %s: %s", since_s(s), upgrade_state_name(s->upgrade->lost_from), s->upgrade->why);
    if (s->upgrade->lost_from == STATE_ROLLING_BACK)
        NEXT("its next heartbeat says whether it is back; if not, it is told again");
    else
        NEXT("its next heartbeat says where it stands; without one it has failed");
}

static void failed(const struct situation *s, struct explanation *ret)
{
    if (decide_goes_back(s) && decide_is_back_again(s))
        going_back(s, ret);
    else if (s->upgrade->lost_from == STATE_ROLLING_BACK)
        NEXT("somebody should look: it did not go back to %s", s->upgrade->from_version);
    else
        without_upgrade(s, ret);
}

static void succeeded(const struct situation *s, struct explanation *ret)
{
    if (decide_goes_back(s))
        going_back(s, ret);
    else
        without_upgrade(s, ret);
}

typedef void by_state(const struct situation *s, struct explanation *ret);
static by_state *const by_states[UPGRADE_STATE_COUNT] = {
    [STATE_NONE] = without_upgrade,
    [STATE_PENDING] = pending,
    [STATE_DISPATCHED] = dispatched,
    [STATE_ACKNOWLEDGED] = acknowledged,
    [STATE_DOWNLOADING] = downloading,
    [STATE_INSTALLING] = installing,
    [STATE_VERIFYING] = verifying,
    [STATE_RETRY_WAIT] = retry_wait,
    [STATE_HELD] = held,
    [STATE_ROLLING_BACK] = rolling_back,
    [STATE_LOST] = lost,
    [STATE_SUCCEEDED] = succeeded,
    [STATE_ROLLED_BACK] = without_upgrade,
    [STATE_FAILED] = failed,
    [STATE_REJECTED] = without_upgrade,
    [STATE_CANCELLED] = without_upgrade,
    [STATE_SUPERSEDED] = without_upgrade,
};

void explain(const struct situation *s, struct explanation *ret)
{
    *ret = (struct explanation){.next_ms = s->upgrade->deadline_ms};
    NOW("%s since %lld s: %s", upgrade_state_name(s->upgrade->state), since_s(s), s->upgrade->why);
    by_states[s->upgrade->state](s, ret);
}
