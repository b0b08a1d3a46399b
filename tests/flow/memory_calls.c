/* Calls on their way to the story's store and back, and the trouble they can meet. */
#include <stdlib.h>
#include <string.h>

#include "tests/flow/memory_inside.h"

void answer_keep(struct memory_call *call, size_t index, const struct memory_device *known)
{
    call->devices[index] = known->device;
    call->upgrades[index] = known->upgrade;
    call->recorded[index].device = &call->devices[index];
    call->recorded[index].upgrade = &call->upgrades[index];
    call->found = true;
}

static void *some(size_t count, size_t size)
{
    void *result = calloc(count ? count : 1, size);
    if (!result)
        abort();
    return result;
}

static void call_add(struct memory_store *store, struct memory_call *call)
{
    if (store->call_count == store->call_max) {
        store->call_max = store->call_max ? 2 * store->call_max : 64;
        store->calls = realloc(store->calls, store->call_max * sizeof(struct memory_call *));
        if (!store->calls)
            abort();
    }
    store->calls[store->call_count++] = call;
}

static void call_free(struct memory_call *call)
{
    free(call->beats);
    free(call->waiters);
    free(call->devices);
    free(call->upgrades);
    free(call->recorded);
    free(call);
}

/* answers: so many devices may be in the answer. */
static struct memory_call *call_new(void *port, enum call_kind kind, size_t answers, void *arg)
{
    struct memory_link *link = port;
    struct memory_store *store = link->store;
    struct memory_call *call = some(1, sizeof *call);
    call->devices = some(answers, sizeof *call->devices);
    call->upgrades = some(answers, sizeof *call->upgrades);
    call->recorded = some(answers, sizeof *call->recorded);
    call->max = answers;
    call->kind = kind;
    call->link = link;
    call->life = link->life;
    call->number = store->calls_made++;
    call->made_ms = store->now_ms;
    call->arg = arg;
    call_add(store, call);
    return call;
}

static void port_record(void *port, const struct beat *beats, size_t count, store_recorded *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_RECORD, count, arg);
    call->beats = some(count, sizeof *beats);
    memcpy(call->beats, beats, count * sizeof *beats);
    call->count = count;
    call->done.recorded = done;
}

static void port_load(void *port, const char *device_id, store_loaded *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_LOAD, 1, arg);
    text_copy(call->id, sizeof call->id, device_id);
    call->done.loaded = done;
}

static void port_open(void *port, const struct upgrade_save *save, const struct open_limits *limits, store_saved *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_OPEN, 1, arg);
    call->save = *save;
    call->limits = *limits;
    call->done.saved = done;
}

static void port_move(void *port, const struct upgrade_save *save, store_saved *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_MOVE, 1, arg);
    call->save = *save;
    call->done.saved = done;
}

static size_t answers_of(void *port, size_t max)
{
    const struct memory_link *link = port;
    return max < link->store->device_max ? max : link->store->device_max;
}

static void port_take_due(void *port, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_TAKE_DUE, answers_of(port, max), arg);
    call->now_ms = now_ms;
    call->lease_ms = lease_ms;
    call->done.taken = done;
}

static void port_wait(void *port, const struct waiter *waiters, size_t count, int64_t queue_max, store_waiting *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_WAIT, 0, arg);
    call->waiters = some(count, sizeof *waiters);
    memcpy(call->waiters, waiters, count * sizeof *waiters);
    call->count = count;
    call->max = (size_t)queue_max;
    call->done.waiting = done;
}

static void port_take_waiting(void *port, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_TAKE_WAITING, answers_of(port, max), arg);
    text_copy(call->id, sizeof call->id, rollout_id);
    call->now_ms = now_ms;
    call->lease_ms = lease_ms;
    call->done.taken = done;
}

static void port_take_live(void *port, const char *rollout_id, int64_t now_ms, int64_t lease_ms, size_t max, store_due_taken *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_TAKE_LIVE, answers_of(port, max), arg);
    text_copy(call->id, sizeof call->id, rollout_id);
    call->now_ms = now_ms;
    call->lease_ms = lease_ms;
    call->done.taken = done;
}

static void port_take_done(void *port, const struct rollout *rollout, enum done_take what, int64_t now_ms, int64_t rest_ms, size_t max, store_due_taken *done, void *arg)
{
    struct memory_call *call = call_new(port, CALL_TAKE_DONE, answers_of(port, max), arg);
    text_copy(call->id, sizeof call->id, rollout->id);
    call->take = what;
    call->now_ms = now_ms;
    call->lease_ms = rest_ms;
    call->done.taken = done;
}

struct store_port memory_store_port(struct memory_link *link)
{
    return (struct store_port){.store = link, .record = port_record, .load = port_load, .open = port_open, .move = port_move,
                               .take_due = port_take_due, .take_live = port_take_live, .wait = port_wait, .take_waiting = port_take_waiting, .take_done = port_take_done};
}

/* --- time --- */

static int64_t call_next_ms(const struct memory_call *call)
{
    return call->made_ms + (call->applied ? ANSWER_MS : APPLY_MS);
}

static size_t first_call(const struct memory_store *store)
{
    size_t first = 0;
    for (size_t i = 1; i < store->call_count; i++) {
        int64_t left = call_next_ms(store->calls[i]), right = call_next_ms(store->calls[first]);
        if (left < right || (left == right && store->calls[i]->number < store->calls[first]->number))
            first = i;
    }
    return first;
}

int64_t memory_store_next_ms(const struct memory_store *store)
{
    return store->call_count ? call_next_ms(store->calls[first_call(store)]) : INT64_MAX;
}

static bool is_save(const struct memory_call *call)
{
    return call->kind == CALL_OPEN || call->kind == CALL_MOVE;
}

static void apply(struct memory_store *store, struct memory_call *call)
{
    static void (*const by_kind[])(struct memory_store *, struct memory_call *) = {
        [CALL_RECORD] = apply_record, [CALL_LOAD] = apply_load, [CALL_OPEN] = apply_open,
        [CALL_MOVE] = apply_move, [CALL_TAKE_DUE] = apply_take_due, [CALL_TAKE_LIVE] = apply_take_live,
        [CALL_TAKE_DONE] = apply_take_done, [CALL_WAIT] = apply_wait, [CALL_TAKE_WAITING] = apply_take_waiting,
    };
    if (store->trouble.unreachable) {
        call->error = DROVER_UNAVAILABLE;
        return;
    }
    if (store->trouble.read_only && call->kind != CALL_LOAD) {
        call->error = DROVER_STORE;
        return;
    }
    by_kind[call->kind](store, call);
    if (is_save(call) && store->trouble.lose_replies > 0) {
        store->trouble.lose_replies--;
        call->error = DROVER_UNAVAILABLE;
    }
}

/* From here on the orchestrator knows that it is saved, and must speak of it. */
static void expect_event(struct memory_store *store, const struct memory_call *call)
{
    struct memory_event *entry = is_save(call) && !call->save.silent ? memory_store_event(store, call->upgrades[0].last_event) : NULL;
    if (entry)
        entry->answered = true;
}

static void answer(struct memory_store *store, struct memory_call *call)
{
    bool fine = call->error == DROVER_OK;
    struct due *dues = some(call->count, sizeof *dues);
    if (fine)
        expect_event(store, call);
    switch (call->kind) {
    case CALL_RECORD:
        call->done.recorded(call->arg, call->error, fine ? call->recorded : NULL, fine ? call->count : 0);
        break;
    case CALL_LOAD:
        call->done.loaded(call->arg, call->error, fine && call->found ? call->devices : NULL, fine && call->found ? call->upgrades : NULL);
        break;
    case CALL_OPEN:
    case CALL_MOVE:
        call->done.saved(call->arg, call->error, fine ? call->upgrades : NULL);
        break;
    case CALL_TAKE_DUE:
    case CALL_TAKE_LIVE:
    case CALL_TAKE_DONE:
    case CALL_TAKE_WAITING:
        for (size_t i = 0; i < call->count; i++)
            dues[i] = (struct due){&call->devices[i], &call->upgrades[i]};
        call->done.taken(call->arg, call->error, dues, fine ? call->count : 0);
        break;
    case CALL_WAIT:
        call->done.waiting(call->arg, call->error);
        break;
    }
    free(dues);
}

void memory_store_step(struct memory_store *store)
{
    size_t index = first_call(store);
    struct memory_call *call = store->calls[index];
    if (!call->applied) {
        apply(store, call);
        call->applied = true;
        return;
    }
    store->calls[index] = store->calls[--store->call_count];
    if (call->life == call->link->life)
        answer(store, call);
    call_free(call);
}

static const struct rollout *rollout_of(const struct memory_store *store, const struct memory_device *known)
{
    for (size_t i = 0; i < store->rollout_count; i++)
        if (!strcmp(store->rollouts[i].id, known->upgrade.rollout))
            return &store->rollouts[i];
    return NULL;
}

static bool rollout_ends(const struct memory_store *store, const struct memory_device *known)
{
    const struct rollout *rollout = rollout_of(store, known);
    return rollout && (rollout_state_is_ended(rollout->state) || rollout_state_goes_back(rollout->state));
}

/* take_done would find it, if its rollout's round does not rest. */
static int64_t done_ms(const struct memory_store *store, const struct memory_device *known)
{
    const struct rollout *rollout = rollout_of(store, known);
    if (rollout && rollout->state == ROLLOUT_ROLLING_BACK && memory_wants_back(known, rollout))
        return store->rest_ms[rollout - store->rollouts][TAKE_BACK];
    if (rollout && memory_wants_again(known, rollout))
        return store->rest_ms[rollout - store->rollouts][TAKE_AGAIN];
    return INT64_MAX;
}

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

/* The end of its round, which may end it. */
static int64_t round_ms(const struct memory_store *store, size_t index)
{
    const struct rollout *rollout = &store->rollouts[index];
    bool again = rollout->retry_ms > 0 && rollout_state_takes(rollout->state) && !store->stopped;
    return smaller(rollout->state == ROLLOUT_ROLLING_BACK ? store->rest_ms[index][TAKE_BACK] : INT64_MAX, again ? store->rest_ms[index][TAKE_AGAIN] : INT64_MAX);
}

int64_t memory_store_due_ms(const struct memory_store *store)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < store->rollout_count; i++)   /* somebody may want to stand in line, or have its turn; the engine looks */
        if (store->rollouts[i].plan && !rollout_state_is_ended(store->rollouts[i].state))
            return 0;
    for (size_t i = 0; i < store->device_count; i++) {
        const struct memory_device *known = &store->devices[i];
        if (known->due_ms && known->due_ms < first)
            first = known->due_ms;
        bool live = known->upgrade.state != STATE_NONE && !upgrade_state_is_final(known->upgrade.state);
        if (live && rollout_ends(store, known) && known->live_leased_ms < first)
            first = known->live_leased_ms;
        first = smaller(first, done_ms(store, known));
    }
    for (size_t i = 0; i < store->rollout_count; i++)
        first = smaller(first, round_ms(store, i));
    return first;
}

void memory_store_done(struct memory_store *store)
{
    for (size_t i = 0; i < store->call_count; i++)
        call_free(store->calls[i]);
    free(store->calls);
    free(store->devices);
    free(store->places);
    free(store->events);
    *store = (struct memory_store){.now_ms = store->now_ms};
}
