/* See why.h. */
#include "orchestrator/core/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "orchestrator/core/eligible.h"
#include "orchestrator/core/explain.h"
#include "orchestrator/core/schedule.h"

const char *why_answer_name(enum why_answer answer)
{
    static const char *const names[WHY_ANSWER_COUNT] = {[WHY_HOLDS] = "holds", [WHY_REFUSES] = "refuses", [WHY_NOT_ASKED] = "not_asked"};
    return names[answer];
}

/* --- a device --- */

static void predicate_ask(const struct predicate *row, const struct look *look, struct why_predicate *ret)
{
    ret->refusal = row->refusal(look);
    ret->answer = ret->refusal ? WHY_REFUSES : WHY_HOLDS;
    if (row->describe)
        row->describe(look, &ret->finding);
}

/* The rows behind the one that asks for a rollout may rely on there being one (predicates.c). */
static void predicates_ask(const struct look *look, struct why_device *ret)
{
    unsigned count;
    bool asked = true;
    const struct predicate *rows = predicates(&count);
    ret->count = count < WHY_PREDICATES_MAX ? count : WHY_PREDICATES_MAX;
    for (unsigned i = 0; i < ret->count; i++) {
        struct why_predicate *predicate = &ret->predicates[i];
        *predicate = (struct why_predicate){.name = rows[i].name, .limit = rows[i].limit, .answer = WHY_NOT_ASKED};
        if (!asked)
            continue;
        predicate_ask(&rows[i], look, predicate);
        if (predicate->answer == WHY_REFUSES && ret->held_by < 0)
            ret->held_by = (int)i;
        asked = look->rollout || strcmp(rows[i].name, PREDICATE_ROLLOUT) != 0;
    }
}

/* A live upgrade goes by its own deadline; without one it is the row that holds the device back that knows. */
void why_device(const struct situation *s, struct why_device *ret)
{
    struct look look;
    situation_look(s, s->running, &look);
    look.again = look.has_turn = decide_has_another_turn(s);
    *ret = (struct why_device){.held_by = -1};
    predicates_ask(&look, ret);
    explain(s, &ret->explain);
    ret->next_ms = ret->explain.next_ms;
    if (ret->next_ms == 0 && ret->held_by >= 0)
        ret->next_ms = ret->predicates[ret->held_by].finding.next_ms;
}

/* --- a rollout --- */

static void say(struct finding *ret, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct finding *ret, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret->value, sizeof ret->value, format, arguments);
    va_end(arguments);
}

static bool is_staged(const struct rollout *rollout)
{
    return rollout->plan && rollout->stage > 0;
}

static const char *state_refusal(const struct why_look *look, const struct engine_move *move)
{
    (void)move;
    bool goes = rollout_state_takes(look->rollout->state) || look->rollout->state == ROLLOUT_ROLLING_BACK;
    return goes ? NULL : rollout_state_text(look->rollout->state);
}

static void state_describe(const struct why_look *look, const struct engine_move *move, struct finding *ret)
{
    (void)move;
    say(ret, "%s: %.60s", rollout_state_name(look->rollout->state), look->rollout->why);
    if (look->rollout->state == ROLLOUT_SCHEDULED)
        ret->next_ms = look->rollout->start_ms;
}

static const char *stop_refusal(const struct why_look *look, const struct engine_move *move)
{
    (void)move;
    return look->policy->stopped_ms ? eligible_stopped : NULL;
}

static const char *links_refusal(const struct why_look *look, const struct engine_move *move)
{
    (void)move;
    return look->missing[0] ? "this server is not connected to all it needs" : NULL;
}

static void links_describe(const struct why_look *look, const struct engine_move *move, struct finding *ret)
{
    (void)move;
    if (look->missing[0])
        say(ret, "not connected: %.60s", look->missing);
}

/* Who goes back is asked neither for gates nor for the release that he leaves. */
static bool goes_back(const struct why_look *look)
{
    return look->rollout->state == ROLLOUT_ROLLING_BACK || look->rollout->state == ROLLOUT_ROLLBACK_PAUSED;
}

static const char *release_says(const struct why_look *look, const struct engine_move *move)
{
    (void)move;
    return goes_back(look) ? NULL : release_refusal(look->policy, &look->rollout->release, look->now_ms);
}

static const struct gate_reading *gate_in_the_way(const struct engine_move *move)
{
    for (unsigned i = 0; i < move->gate_count; i++)
        if (move->gates[i].state == GATE_BROKEN || move->gates[i].doubt)
            return &move->gates[i];
    return NULL;
}

/* One in doubt holds back the end of a stage. */
static const char *gates_refusal(const struct why_look *look, const struct engine_move *move)
{
    const struct gate_reading *gate = goes_back(look) ? NULL : gate_in_the_way(move);
    if (gate && gate->state == GATE_BROKEN)
        return "a gate is broken";
    return gate && look->rollout->state != ROLLOUT_COMPLETED ? "a gate is in doubt" : NULL;
}

static void gates_describe(const struct why_look *look, const struct engine_move *move, struct finding *ret)
{
    (void)look;
    const struct gate_reading *gate = gate_in_the_way(move);
    if (gate)
        say(ret, "%.95s", gate->text);
    else if (move->gate_count > 0)
        say(ret, "%u read", move->gate_count);
}

static const char *places_refusal(const struct why_look *look, const struct engine_move *move)
{
    (void)move;
    return rollout_places_taken(look->rollout) >= look->rollout->max_in_flight ? "as many upgrades as allowed are under way" : NULL;
}

static void places_describe(const struct why_look *look, const struct engine_move *move, struct finding *ret)
{
    (void)move;
    long long held = look->rollout->counts.states[STATE_HELD];
    say(ret, "%lld of %lld under way, %lld devices wait", (long long)rollout_places_taken(look->rollout), (long long)look->rollout->max_in_flight,
        (long long)look->rollout->waiting);
    if (held > 0)
        say(ret, "%lld of %lld under way, %lld devices wait, %lld are held until a window opens", (long long)rollout_places_taken(look->rollout),
            (long long)look->rollout->max_in_flight, (long long)look->rollout->waiting, held);
}

static int64_t paced_until_ms(const struct why_look *look)
{
    bool ahead = look->rollout->plan && look->rollout->paced_ms > look->now_ms;
    return ahead ? schedule_paced_until_ms(schedule_per_minute(look->rollout, look->now_ms), look->rollout->paced_ms, look->now_ms) : 0;
}

static const char *minute_refusal(const struct why_look *look, const struct engine_move *move)
{
    (void)move;
    return paced_until_ms(look) ? "as many a minute as allowed were told" : NULL;
}

static void minute_describe(const struct why_look *look, const struct engine_move *move, struct finding *ret)
{
    (void)move;
    if (look->rollout->plan && look->rollout->plan->limits.per_minute > 0)
        say(ret, "%lld a minute", (long long)schedule_per_minute(look->rollout, look->now_ms));
    ret->next_ms = paced_until_ms(look);
}

static const char *depot_refusal(const struct why_look *look, const struct engine_move *move)
{
    (void)move;
    return look->pace && !goes_back(look) && !pace_has_room(look->pace) ? pace_refusal : NULL;
}

static void depot_describe(const struct why_look *look, const struct engine_move *move, struct finding *ret)
{
    (void)move;
    if (look->pace && look->pace->depot.places > 0)
        say(ret, "%lld of %lld places", (long long)pace_taken(look->pace), (long long)look->pace->depot.places);
}

static void stage_describe(const struct why_look *look, const struct engine_move *move, struct finding *ret)
{
    if (!is_staged(look->rollout))
        return;
    say(ret, "%.40s, %lld of %u: %.40s", look->rollout->plan->stages[look->rollout->stage - 1].name, (long long)look->rollout->stage,
        look->rollout->plan->stage_count, move->why);
    ret->next_ms = move->next_ms;
}

/* Nothing stands against it, and yet nobody may have come. */
static const char *stage_refusal(const struct why_look *look, const struct engine_move *move)
{
    bool waits = look->rollout->state == ROLLOUT_RUNNING && is_staged(look->rollout) && !move->moves;
    return waits ? "the next stage waits for the end of this one" : NULL;
}

static const struct {
    const char *name;
    bool limit;
    const char *(*refusal)(const struct why_look *look, const struct engine_move *move);
    void (*describe)(const struct why_look *look, const struct engine_move *move, struct finding *ret);
} rollout_rows[] = {
    {"state", false, state_refusal, state_describe},
    {"stop", false, stop_refusal, NULL},
    {"links", true, links_refusal, links_describe},
    {"release", false, release_says, NULL},
    {"gates", false, gates_refusal, gates_describe},
    {"places", true, places_refusal, places_describe},
    {"per_minute", true, minute_refusal, minute_describe},
    {"depot", true, depot_refusal, depot_describe},
    {"stage", true, stage_refusal, stage_describe},
};
#define ROLLOUT_ROWS (sizeof rollout_rows / sizeof rollout_rows[0])
_Static_assert(ROLLOUT_ROWS <= WHY_PREDICATES_MAX, "all have a place");

static void move_look(const struct why_look *look, struct engine_move *ret)
{
    if (is_staged(look->rollout))
        engine_decide(look->rollout, look->health, look->policy->offline_after_ms, look->now_ms, ret);
    else
        *ret = (struct engine_move){.stage = look->rollout->stage};
    if (ret->why[0])
        return;
    bool takes = look->rollout->state == ROLLOUT_RUNNING;
    snprintf(ret->why, sizeof ret->why, "%.63s", takes ? "takes each device of its share when it speaks" : rollout_state_text(look->rollout->state));
}

void why_rollout(const struct why_look *look, struct why_rollout *ret)
{
    *ret = (struct why_rollout){.count = ROLLOUT_ROWS, .held_by = -1, .per_minute = look->rollout->plan ? schedule_per_minute(look->rollout, look->now_ms) : 0};
    move_look(look, &ret->move);
    for (unsigned i = 0; i < ROLLOUT_ROWS; i++) {
        struct why_predicate *finding = &ret->findings[i];
        *finding = (struct why_predicate){.name = rollout_rows[i].name, .limit = rollout_rows[i].limit, .refusal = rollout_rows[i].refusal(look, &ret->move)};
        finding->answer = finding->refusal ? WHY_REFUSES : WHY_HOLDS;
        if (rollout_rows[i].describe)
            rollout_rows[i].describe(look, &ret->move, &finding->finding);
        if (finding->refusal && ret->held_by < 0)
            ret->held_by = (int)i;
    }
    ret->next_ms = ret->held_by >= 0 ? ret->findings[ret->held_by].finding.next_ms : ret->move.next_ms;
}
