/* The fold: one entry changes one upgrade and the counters that it is counted in, or one rollout. */
#include "orchestrator/edges/rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/must_alloc.h"
#include "orchestrator/edges/rebuild_inside.h"

struct rebuild *rebuild_new(void)
{
    return must_calloc(1, sizeof(struct rebuild));
}

void rebuild_free(struct rebuild *rebuild)
{
    if (!rebuild)
        return;
    for (uint32_t i = 0; i < rebuild->rollout_names.count; i++)
        free(rebuild->rollouts[i]);
    free(rebuild->rollouts);
    free(rebuild->upgrades);
    free(rebuild->devices);
    free(rebuild->models);
    names_done(&rebuild->texts);
    names_done(&rebuild->upgrade_names);
    names_done(&rebuild->device_names);
    names_done(&rebuild->rollout_names);
    names_done(&rebuild->model_names);
    free(rebuild);
}

/* --- the tables --- */

/* Room for number `at` in an array of rows; new ones are zeroed. */
static void *rows_reserve(void *rows, size_t *size, uint32_t at, size_t row_bytes)
{
    size_t wanted = *size ? *size : 64;

    if (at < *size)
        return rows;
    while (wanted <= at)
        wanted *= 2;
    rows = realloc(rows, wanted * row_bytes);
    if (!rows)
        abort();
    memset((char *)rows + *size * row_bytes, 0, (wanted - *size) * row_bytes);
    *size = wanted;
    return rows;
}

static bool is_said(const char *text)
{
    return text[0] && strcmp(text, "-") != 0;
}

static struct rebuilt_device *device_of(struct rebuild *rebuild, const char *device_id)
{
    uint32_t before = rebuild->device_names.count, at = names_add(&rebuild->device_names, device_id);

    rebuild->devices = rows_reserve(rebuild->devices, &rebuild->device_size, at, sizeof *rebuild->devices);
    if (at == before)
        rebuild->devices[at].upgrade = NAMES_NONE;
    return &rebuild->devices[at];
}

static struct rebuilt_rollout *rollout_of(struct rebuild *rebuild, const char *rollout_id)
{
    uint32_t before = rebuild->rollout_names.count, at = names_add(&rebuild->rollout_names, rollout_id);

    rebuild->rollouts = rows_reserve(rebuild->rollouts, &rebuild->rollout_size, at, sizeof *rebuild->rollouts);
    if (at == before) {
        struct rebuilt_rollout *rollout = must_calloc(1, sizeof *rollout);

        rollout->model = rollout->version = NAMES_NONE;
        rollout->state = -1;
        rebuild->rollouts[at] = rollout;
    }
    return rebuild->rollouts[at];
}

static struct rebuilt_model *model_of(struct rebuild *rebuild, const char *model)
{
    uint32_t at = names_add(&rebuild->model_names, model);

    rebuild->models = rows_reserve(rebuild->models, &rebuild->model_size, at, sizeof *rebuild->models);
    return &rebuild->models[at];
}

/* --- counters: as settle.lua --- */

static bool is_unsuccessful(enum upgrade_state state)
{
    return state == STATE_FAILED || state == STATE_ROLLED_BACK || state == STATE_REJECTED || state == STATE_LOST;
}

static bool is_settled(enum upgrade_state state)
{
    return is_unsuccessful(state) || state == STATE_SUCCEEDED;
}

static enum error_code counted_error(enum upgrade_state state, enum error_code error)
{
    return is_unsuccessful(state) ? error : E_NONE;
}

static void counts_move(struct rollout_counts *counts, const struct rebuilt_upgrade *was, enum upgrade_state to, enum error_code error)
{
    enum error_code error_was = counted_error(was->state, was->error), error_now = counted_error(to, error);

    if (was->state != STATE_NONE)
        counts->states[was->state]--;
    else
        counts->opened++;
    counts->states[to]++;
    if (error_was != E_NONE)
        counts->errors[error_was]--;
    if (error_now != E_NONE)
        counts->errors[error_now]++;
}

static void stage_move(struct rebuilt_stage *stage, const struct rebuilt_upgrade *was, enum upgrade_state to, enum error_code error, int64_t at_ms)
{
    counts_move(&stage->counts, was, to, error);
    if (was->state == STATE_NONE)
        stage->opened_ms = at_ms;
    if (was->state != to && is_settled(to))
        stage->settled_ms = at_ms;
}

static void rollout_count(struct rebuild *rebuild, const struct event *event, const struct rebuilt_upgrade *was, enum upgrade_state to, enum error_code error)
{
    struct rebuilt_rollout *rollout = rollout_of(rebuild, event->rollout);

    counts_move(&rollout->counts, was, to, error);
    stage_move(&rollout->stages[event->stage], was, to, error, event->at_ms);
    rollout->retried += was->attempt < 2 && event->attempt >= 2;
}

/* --- moves of upgrades --- */

static enum drover_error bad(struct problem *ret_problem, const struct event *event, const char *what)
{
    return problem_set(ret_problem, DROVER_SYNTAX, event->id, "%s", what);
}

struct words {
    enum upgrade_state from, to;
    enum error_code error;
};

static enum drover_error words_read(const struct event *event, struct words *ret, struct problem *ret_problem)
{
    *ret = (struct words){.error = E_NONE};
    if (!upgrade_state_read(event->from, &ret->from) || !upgrade_state_read(event->to, &ret->to) || ret->to == STATE_NONE)
        return bad(ret_problem, event, "it moves between states that Drover does not have");
    if (is_said(event->error) && !error_code_read(event->error, &ret->error))
        return bad(ret_problem, event, "its error code is unknown");
    if (!text_is_id(event->device_id, strlen(event->device_id)) || !text_is_id(event->rollout, strlen(event->rollout)) ||
        !text_is_id(event->model, strlen(event->model)) || !is_said(event->upgrade_id))
        return bad(ret_problem, event, "it is a move of no device, model, rollout or upgrade");
    if (event->stage < 0 || event->stage > PLAN_STAGES_MAX)
        return bad(ret_problem, event, "no rollout has such a stage");
    return DROVER_OK;
}

/* Of an upgrade whose beginning is not in the log, the entry says what it was before. */
static struct rebuilt_upgrade *upgrade_of(struct rebuild *rebuild, const struct event *event, const struct words *words)
{
    uint32_t before = rebuild->upgrade_names.count, at = names_add(&rebuild->upgrade_names, event->upgrade_id);
    struct rebuilt_upgrade *upgrade;

    rebuild->upgrades = rows_reserve(rebuild->upgrades, &rebuild->upgrade_size, at, sizeof *rebuild->upgrades);
    upgrade = &rebuild->upgrades[at];
    if (at == before)
        *upgrade = (struct rebuilt_upgrade){.state = (uint8_t)words->from, .attempt = words->from == STATE_NONE ? 0 : event->attempt,
                                            .whole = words->from == STATE_NONE};
    return upgrade;
}

static void model_count(struct rebuild *rebuild, struct rebuilt_device *device, uint32_t upgrade, enum upgrade_state to, uint32_t model)
{
    if (device->upgrade != NAMES_NONE)
        rebuild->models[rebuild->upgrades[device->upgrade].model].states[rebuild->upgrades[device->upgrade].state]--;
    rebuild->models[model].states[to]++;
    device->upgrade = upgrade;
}

static enum drover_error move_take(struct rebuild *rebuild, const struct event *event, struct problem *ret_problem)
{
    struct words words;
    struct rebuilt_upgrade *upgrade, was;
    uint32_t model;
    enum drover_error error = words_read(event, &words, ret_problem);

    if (error)
        return error;
    upgrade = upgrade_of(rebuild, event, &words);
    was = *upgrade;
    if (was.state != words.from)
        return bad(ret_problem, event, "it moves its upgrade from a state in which that was not");
    (void)model_of(rebuild, event->model);
    model = names_find(&rebuild->model_names, event->model);
    rollout_count(rebuild, event, &was, words.to, words.error);
    model_count(rebuild, device_of(rebuild, event->device_id), (uint32_t)(upgrade - rebuild->upgrades), words.to, model);
    *upgrade = (struct rebuilt_upgrade){
        .device = names_find(&rebuild->device_names, event->device_id), .rollout = names_find(&rebuild->rollout_names, event->rollout), .model = model,
        .version = names_add(&rebuild->texts, event->version), .state = (uint8_t)words.to, .error = (uint8_t)words.error, .whole = was.whole,
        .stage = (int32_t)event->stage, .attempt = event->attempt, .revision = event->revision,
        .opened_ms = words.from == STATE_NONE ? event->at_ms : was.opened_ms, .state_ms = words.from != words.to ? event->at_ms : was.state_ms};
    memcpy(upgrade->event, event->id, sizeof upgrade->event);
    rebuild->facts.moves++;
    return DROVER_OK;
}

/* --- rollouts --- */

static enum drover_error rollout_take(struct rebuild *rebuild, const struct event *event, struct problem *ret_problem)
{
    enum rollout_state state;
    struct rebuilt_rollout *rollout;

    if (!rollout_state_read(event->to, &state))
        return bad(ret_problem, event, "it takes a rollout to a state that Drover does not have");
    if (!text_is_id(event->rollout, strlen(event->rollout)) || !text_is_id(event->model, strlen(event->model)))
        return bad(ret_problem, event, "it is about no rollout, or of no model");
    rollout = rollout_of(rebuild, event->rollout);
    if (strcmp(event->on, "open") == 0) {
        rollout->whole = true;
        rollout->created_ms = event->at_ms;
    }
    (void)model_of(rebuild, event->model);
    rollout->model = names_find(&rebuild->model_names, event->model);
    rollout->version = names_add(&rebuild->texts, event->version);
    rollout->state = (int)state;
    rollout->revision = event->revision;
    rollout->stage = event->stage;
    (void)text_copy_n(rollout->why, sizeof rollout->why, event->why, strnlen(event->why, sizeof rollout->why - 1));
    return DROVER_OK;
}

/* --- the whole --- */

static const struct {
    const char *kind;
    enum drover_error (*take)(struct rebuild *rebuild, const struct event *event, struct problem *ret_problem);
} kinds[] = {{"move", move_take}, {"rollout", rollout_take}};

enum drover_error rebuild_take(struct rebuild *rebuild, const struct event *event, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;

    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0] && !error; i++)
        if (strcmp(event->kind, kinds[i].kind) == 0)
            error = kinds[i].take(rebuild, event, ret_problem);
    if (error)
        return error;
    if (text_is_id(event->device_id, strlen(event->device_id)))
        memcpy(device_of(rebuild, event->device_id)->event, event->id, EVENT_ID_SIZE);
    rebuild->facts.entries++;
    if (!rebuild->facts.first[0])
        (void)text_copy(rebuild->facts.first, sizeof rebuild->facts.first, event->id);
    (void)text_copy(rebuild->facts.last, sizeof rebuild->facts.last, event->id);
    return DROVER_OK;
}

void rebuild_note_unknown(struct rebuild *rebuild, const char *model, enum upgrade_state state)
{
    model_of(rebuild, model)->unknown[state]++;
}

void rebuild_forget_unknown(struct rebuild *rebuild)
{
    for (uint32_t i = 0; i < rebuild->model_names.count; i++)
        memset(rebuild->models[i].unknown, 0, sizeof rebuild->models[i].unknown);
}

bool rebuild_knows_device(const struct rebuild *rebuild, const char *device_id)
{
    uint32_t at = names_find(&rebuild->device_names, device_id);

    return at != NAMES_NONE && rebuild->devices[at].upgrade != NAMES_NONE;
}

bool rebuild_knows_rollout(const struct rebuild *rebuild, const char *rollout_id)
{
    uint32_t at = names_find(&rebuild->rollout_names, rollout_id);

    return at != NAMES_NONE && rebuild->rollouts[at]->whole;
}

struct rebuild_facts rebuild_facts(const struct rebuild *rebuild)
{
    struct rebuild_facts facts = rebuild->facts;

    facts.upgrades = rebuild->upgrade_names.count;
    facts.devices = rebuild->device_names.count;
    facts.rollouts = rebuild->rollout_names.count;
    facts.models = rebuild->model_names.count;
    for (uint32_t i = 0; i < rebuild->rollout_names.count; i++)
        facts.rollouts_begun_before += !rebuild->rollouts[i]->whole;
    return facts;
}
