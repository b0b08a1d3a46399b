/* Is the story's store still whole: counters, stages, histories, and what had to be spoken. */
#include <stdlib.h>
#include <string.h>

#include "tests/flow/memory_inside.h"

static bool same_counts(const struct rollout_counts *left, const struct rollout_counts *right)
{
    return !memcmp(left->states, right->states, sizeof left->states) && !memcmp(left->errors, right->errors, sizeof left->errors);
}

/* Of its devices that were taken by this stage; 0: of all. */
static struct rollout_counts counted_anew(const struct memory_store *store, const struct rollout *rollout, int64_t stage)
{
    struct rollout_counts counts = {0};
    for (size_t i = 0; i < store->device_count; i++) {
        const struct upgrade *upgrade = &store->devices[i].upgrade;
        if (!strcmp(upgrade->rollout, rollout->id) && (stage == 0 || upgrade->stage == stage))
            counts_add(&counts, upgrade, +1);
    }
    return counts;
}

static bool counters_hold(const struct memory_store *store, const struct rollout *rollout)
{
    size_t index = (size_t)(rollout - store->rollouts);
    struct rollout_counts counts = counted_anew(store, rollout, 0);
    bool newest = index == store->rollout_count - 1, fine = same_counts(&counts, &rollout->counts);
    for (int64_t stage = 1; rollout->plan && stage <= (int64_t)rollout->plan->stage_count; stage++) {
        counts = counted_anew(store, rollout, stage);
        fine = fine && same_counts(&counts, &store->stages[index][stage - 1].counts);
    }
    if (!newest || fine) /* records of older rollouts may have been replaced */
        return true;
    fprintf(stderr, "counters of rollout %s do not fit its devices\n", rollout->id);
    return false;
}

static bool is_in_table(const struct event *event)
{
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    for (unsigned i = 0; i < count; i++)
        if (!strcmp(upgrade_state_name(moves[i].from), event->from) && !strcmp(upgrade_event_name(moves[i].on), event->on) &&
            !strcmp(upgrade_state_name(moves[i].to), event->to))
            return true;
    return false;
}

/* How far a device's history has been followed. */
struct followed {
    char prev[EVENT_ID_SIZE];
    char state[16];
};

static bool follow(struct followed *followed, const struct event *event)
{
    bool opens = !strcmp(event->from, "none");
    const char *prev = followed->prev[0] ? followed->prev : "-", *state = followed->state[0] ? followed->state : "none";
    if (strcmp(event->prev, prev) || (!opens && strcmp(event->from, state)) || !is_in_table(event)) {
        fprintf(stderr, "history of %s breaks at %s: %s -> %s on %s\n", event->device_id, event->id, event->from, event->to, event->on);
        return false;
    }
    text_copy(followed->prev, sizeof followed->prev, event->id);
    text_copy(followed->state, sizeof followed->state, event->to);
    return true;
}

static bool histories_hold(struct memory_store *store)
{
    bool fine = true;
    struct followed *followed = calloc(store->device_count + 1, sizeof *followed);
    if (!followed)
        abort();
    for (size_t i = 0; i < store->event_count; i++) {
        const struct memory_device *known = memory_store_device(store, store->events[i].event.device_id);
        fine = known && follow(&followed[known - store->devices], &store->events[i].event) && fine;
    }
    for (size_t i = 0; i < store->device_count; i++)
        fine = !strcmp(followed[i].state[0] ? followed[i].state : "none", upgrade_state_name(store->devices[i].upgrade.state)) && fine;
    free(followed);
    return fine;
}

bool memory_store_check(struct memory_store *store)
{
    bool fine = histories_hold(store);
    for (size_t i = 0; i < store->rollout_count; i++)
        fine = counters_hold(store, &store->rollouts[i]) && fine;
    for (size_t i = 0; i < store->event_count; i++) {
        const struct memory_event *entry = &store->events[i];
        if (entry->answered && !entry->spoken) {
            fprintf(stderr, "event %s was saved and answered, but never spoken\n", entry->event.id);
            fine = false;
        }
    }
    return fine;
}
