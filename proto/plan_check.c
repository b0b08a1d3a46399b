/* What the members of a plan must be to each other, once each is right by itself. */
#include "proto/plan_table.h"

#include <stdio.h>
#include <string.h>

void plan_check_gate(struct plan_reading *reading, void *object)
{
    const struct plan_gate *gate = object;
    static const int known[] = {80, 90, 95, 99};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (gate->confidence_pct == known[i])
            return;
    if (plan_is_sound(reading, "confidence_pct"))
        plan_problem(reading, "confidence_pct", "%d is not one of 80, 90, 95, 99", (int)gate->confidence_pct);
}

void plan_check_stage(struct plan_reading *reading, void *object)
{
    struct plan_stage *stage = object;
    if (stage->percent_x100 > 0 && stage->count > 0)
        plan_problem(reading, NULL, "has a percent and a count; it can have one of them");
    if (stage->per[0] && stage->count == 0 && plan_is_sound(reading, "count"))
        plan_problem(reading, "per", "goes with a count only");
    stage->kind = stage->percent_x100 > 0 ? STAGE_PERCENT : stage->count > 0 ? STAGE_COUNT : STAGE_EVERYBODY;
}

static bool has_all(const struct plan_words *words, const struct plan_words *of, const char **ret_word)
{
    for (unsigned i = 0; i < words->count; i++)
        if (plan_words_have(of, words->words[i])) {
            *ret_word = words->words[i];
            return true;
        }
    return false;
}

void plan_check_filter(struct plan_reading *reading, void *object)
{
    const struct plan_filter *filter = object;
    const char *word;
    if (filter->min_version[0] && filter->max_version[0] && semver_compare(filter->min_version, filter->max_version) > 0)
        plan_problem(reading, "max_version", "%s is older than min_version %s", filter->max_version, filter->min_version);
    if (has_all(&filter->tags_all, &filter->tags_none, &word))
        plan_problem(reading, "tags_none", "'%s' is in tags_all, too: no device can be meant", word);
}

void plan_check_limits(struct plan_reading *reading, void *object)
{
    const struct plan_limits *limits = object;
    if (limits->growth_pct > 0 && limits->per_minute == 0)
        plan_problem(reading, "growth_pct", "needs per_minute to grow from");
    if (limits->per_minute_max > 0 && limits->per_minute_max < limits->per_minute)
        plan_problem(reading, "per_minute_max", "%lld is less than per_minute %lld", (long long)limits->per_minute_max, (long long)limits->per_minute);
}

void plan_check_window(struct plan_reading *reading, void *object)
{
    const struct plan_window *window = object;
    if (window->to_min == window->from_min && plan_is_sound(reading, "from") && plan_is_sound(reading, "to"))
        plan_problem(reading, "to", "is the same as from; a whole day is 00:00 to 24:00");
}

void plan_check_retry(struct plan_reading *reading, void *object)
{
    const struct plan_retry *retry = object;
    if (retry->cap_s > 0 && retry->cap_s < retry->base_s)
        plan_problem(reading, "cap_s", "%lld is less than base_s %lld", (long long)retry->cap_s, (long long)retry->base_s);
}

/* --- the whole --- */

static bool filter_is_empty(const struct plan_filter *filter)
{
    return filter->tags_any.count + filter->tags_all.count + filter->tags_none.count + filter->hw_revs.count == 0 && filter->id_count == 0 &&
           !filter->min_version[0] && !filter->max_version[0];
}

static bool takes_everybody(const struct plan_stage *stage)
{
    return filter_is_empty(&stage->filter) && (stage->kind == STAGE_EVERYBODY || stage->percent_x100 == 10000);
}

static const struct plan_stage *named(const struct plan *plan, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(plan->stages[i].name, name) == 0)
            return &plan->stages[i];
    return NULL;
}

static void name_stage(struct plan_reading *reading, struct plan *plan, unsigned i)
{
    struct plan_stage *stage = &plan->stages[i];
    if (!stage->name[0])
        snprintf(stage->name, sizeof stage->name, "stage-%u", i + 1);
    if (named(plan, i, stage->name))
        plan_problem(reading, "name", "'%s' is the name of a stage before it", stage->name);
}

/* The plan's gates come before its own. */
static void give_gates(struct plan_reading *reading, const struct plan_draft *draft, struct plan_stage *stage)
{
    if (draft->gate_count + stage->gate_count > PLAN_GATES_MAX) {
        plan_problem(reading, "gates", "%u with the plan's own; at most %d", draft->gate_count + stage->gate_count, PLAN_GATES_MAX);
        return;
    }
    memmove(stage->gates + draft->gate_count, stage->gates, stage->gate_count * sizeof *stage->gates);
    memcpy(stage->gates, draft->gates, draft->gate_count * sizeof *stage->gates);
    stage->gate_count += draft->gate_count;
}

/* Each stage against those before it; those with mistakes of their own are passed over. */
struct order {
    const struct plan_stage *everybody;   /* the first that leaves nobody to others */
    int64_t percent_x100;
};

static void check_order(struct plan_reading *reading, const struct plan_stage *stage, struct order *order)
{
    if (order->everybody)
        plan_problem(reading, NULL, "no device is left for it: stage '%s' takes everybody", order->everybody->name);
    else if (takes_everybody(stage))
        order->everybody = stage;
    if (stage->kind != STAGE_PERCENT)
        return;
    if (stage->percent_x100 <= order->percent_x100)
        plan_problem(reading, "percent", "percents are of all devices and must rise: %g comes after %g", (double)stage->percent_x100 / 100,
                     (double)order->percent_x100 / 100);
    order->percent_x100 = stage->percent_x100;
}

static void check_stages(struct plan_reading *reading, struct plan_draft *draft)
{
    struct plan *plan = &draft->plan;
    struct order order = {0};
    size_t whole = plan_path_enter(reading, "stages", 0);
    for (unsigned i = 0; i < plan->stage_count; i++) {
        size_t here = plan_path_enter(reading, NULL, i);
        bool sound = plan_is_sound(reading, NULL);
        name_stage(reading, plan, i);
        if (sound)
            check_order(reading, &plan->stages[i], &order);
        give_gates(reading, draft, &plan->stages[i]);
        plan_path_leave(reading, here);
    }
    plan_path_leave(reading, whole);
}

static void check_steps(struct plan_reading *reading, const struct plan *plan)
{
    for (unsigned i = 0; i < plan->step_count; i++) {
        if (i > 0 && semver_compare(plan->steps[i], plan->steps[i - 1]) <= 0)
            plan_problem(reading, "stepping_stones", "must rise: %s comes after %s", plan->steps[i], plan->steps[i - 1]);
        if (plan->version[0] && semver_compare(plan->steps[i], plan->version) >= 0)
            plan_problem(reading, "stepping_stones", "%s is not older than the plan's version %s", plan->steps[i], plan->version);
    }
}

/* Only older versions are updated. */
static void check_oldest(struct plan_reading *reading, const struct plan *plan, const struct plan_filter *filter, const char *name)
{
    size_t here = plan_path_enter(reading, name, 0);
    if (filter->min_version[0] && plan->version[0] && plan_is_sound(reading, NULL) && semver_compare(filter->min_version, plan->version) >= 0)
        plan_problem(reading, "min_version", "%s is not older than the plan's version %s: no device can be meant", filter->min_version, plan->version);
    plan_path_leave(reading, here);
}

static void check_filters(struct plan_reading *reading, const struct plan *plan)
{
    check_oldest(reading, plan, &plan->target, "target");
    size_t whole = plan_path_enter(reading, "stages", 0);
    for (unsigned i = 0; i < plan->stage_count; i++) {
        size_t here = plan_path_enter(reading, NULL, i);
        check_oldest(reading, plan, &plan->stages[i].filter, "filter");
        plan_path_leave(reading, here);
    }
    plan_path_leave(reading, whole);
}

void plan_check_whole(struct plan_reading *reading, void *object)
{
    struct plan_draft *draft = object;
    struct plan *plan = &draft->plan;
    if (plan->stage_count == 0) {
        plan->stage_count = 1;
        plan->stages[0] = (struct plan_stage){.name = "everybody", .kind = STAGE_EVERYBODY, .settled_pct = 100};
    }
    check_stages(reading, draft);
    check_steps(reading, plan);
    check_filters(reading, plan);
}
