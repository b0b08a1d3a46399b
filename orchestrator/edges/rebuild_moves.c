/* Moves of upgrades, folded: one entry changes one upgrade and the counters that it is counted in, by the rules of redis-scripts/lib/settle.lua. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/rebuild_inside.h"

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

static void stratum_count(struct rebuild *rebuild, struct rebuilt_stage *stage, const struct event *event, const char *stratum)
{
    char hash[ID_SIZE + 32], field[FACTS_NAME_SIZE + 8];

    (void)snprintf(hash, sizeof hash, "%s:stage:%d", event->rollout, (int)event->stage);
    (void)snprintf(field, sizeof field, "opened@%s", stratum);
    tally_add(&rebuild->tallies, &rebuild->texts, &stage->strata, hash, field, 1);
}

static void rollout_count(struct rebuild *rebuild, const struct rebuild_entry *entry, const struct rebuilt_upgrade *was, enum upgrade_state to, enum error_code error)
{
    const struct event *event = &entry->event;
    struct rebuilt_rollout *rollout = rebuild_rollout(rebuild, event->rollout);
    struct rebuilt_stage *stage = &rollout->stages[event->stage];

    counts_move(&rollout->counts, was, to, error);
    stage_move(stage, was, to, error, event->at_ms);
    rollout->retried += was->attempt < 2 && event->attempt >= 2;
    if (was->state == STATE_NONE && entry->facts.stratum[0])
        stratum_count(rebuild, stage, event, entry->facts.stratum);
    rollout->bare = rollout->bare || !entry->facts.known;
}

static void site_count(struct rebuild *rebuild, const struct event *event, const struct rebuilt_upgrade *was, enum upgrade_state to)
{
    bool flew = upgrade_state_holds_place(was->state), now = upgrade_state_holds_place(to);

    if (was->site != NAMES_NONE && flew != now)
        tally_add(&rebuild->tallies, &rebuild->texts, &rebuild_rollout(rebuild, event->rollout)->sites, event->rollout, rebuild->texts.texts[was->site], now ? 1 : -1);
}

static void model_count(struct rebuild *rebuild, struct rebuilt_device *device, uint32_t upgrade, enum upgrade_state to, uint32_t model)
{
    if (device->upgrade != NAMES_NONE)
        rebuild->models[rebuild->upgrades[device->upgrade].model].states[rebuild->upgrades[device->upgrade].state]--;
    rebuild->models[model].states[to]++;
    device->upgrade = upgrade;
}

/* --- the move --- */

struct words {
    enum upgrade_state from, to;
    enum error_code error;
};

static enum drover_error words_read(const struct event *event, struct words *ret, struct problem *ret_problem)
{
    *ret = (struct words){.error = E_NONE};
    if (!upgrade_state_read(event->from, &ret->from) || !upgrade_state_read(event->to, &ret->to) || ret->to == STATE_NONE)
        return rebuild_refuse(ret_problem, event, "it moves between states that Drover does not have");
    if (rebuild_is_said(event->error) && !error_code_read(event->error, &ret->error))
        return rebuild_refuse(ret_problem, event, "its error code is unknown");
    if (!text_is_id(event->device_id, strlen(event->device_id)) || !text_is_id(event->rollout, strlen(event->rollout)) ||
        !text_is_id(event->model, strlen(event->model)) || !rebuild_is_said(event->upgrade_id))
        return rebuild_refuse(ret_problem, event, "it is a move of no device, model, rollout or upgrade");
    if (event->stage < 0 || event->stage > PLAN_STAGES_MAX)
        return rebuild_refuse(ret_problem, event, "no rollout has such a stage");
    return DROVER_OK;
}

/* What an entry says besides: where it comes from and which stone it goes to, of an opening or when its leg is another one; and its site. */
static void facts_take(struct rebuild *rebuild, struct rebuilt_upgrade *upgrade, struct event_facts facts)
{
    char name[FACTS_NAME_SIZE], value[FACTS_VALUE_SIZE];

    while (event_facts_next_set(&facts, name, value)) {
        if (strcmp(name, "from_version") == 0)
            upgrade->from_version = names_add(&rebuild->texts, value);
        else if (strcmp(name, "via") == 0)
            upgrade->via = names_add(&rebuild->texts, value);
        else if (strcmp(name, "site") == 0)
            upgrade->site = names_add(&rebuild->texts, value);
    }
    while (event_facts_next_unset(&facts, name))
        if (strcmp(name, "via") == 0)
            upgrade->via = NAMES_NONE;
}

/* Of an upgrade whose beginning is not in the log, the entry says what it was before. */
static struct rebuilt_upgrade *upgrade_of(struct rebuild *rebuild, const struct rebuild_entry *entry, const struct words *words)
{
    uint32_t before = rebuild->upgrade_names.count, at = names_add(&rebuild->upgrade_names, entry->event.upgrade_id);
    struct rebuilt_upgrade *upgrade;

    rebuild->upgrades = rebuild_reserve(rebuild->upgrades, &rebuild->upgrade_size, at, sizeof *rebuild->upgrades);
    upgrade = &rebuild->upgrades[at];
    if (at == before)
        *upgrade = (struct rebuilt_upgrade){.state = (uint8_t)words->from, .attempt = words->from == STATE_NONE ? 0 : entry->event.attempt,
                                            .from_version = NAMES_NONE, .via = NAMES_NONE, .site = NAMES_NONE, .whole = words->from == STATE_NONE};
    return upgrade;
}

enum drover_error rebuild_take_move(struct rebuild *rebuild, struct rebuild_entry *entry, struct problem *ret_problem)
{
    const struct event *event = &entry->event;
    struct words words;
    struct rebuilt_upgrade *upgrade, was;
    uint32_t model;
    enum drover_error error = words_read(event, &words, ret_problem);

    if (error)
        return error;
    upgrade = upgrade_of(rebuild, entry, &words);
    facts_take(rebuild, upgrade, entry->facts);
    was = *upgrade;
    if (was.state != words.from)
        return rebuild_refuse(ret_problem, event, "it moves its upgrade from a state in which that was not");
    (void)rebuild_model(rebuild, event->model);
    model = names_find(&rebuild->model_names, event->model);
    rollout_count(rebuild, entry, &was, words.to, words.error);
    site_count(rebuild, event, &was, words.to);
    model_count(rebuild, rebuild_device(rebuild, event->device_id), (uint32_t)(upgrade - rebuild->upgrades), words.to, model);
    *upgrade = (struct rebuilt_upgrade){
        .device = names_find(&rebuild->device_names, event->device_id), .rollout = names_find(&rebuild->rollout_names, event->rollout), .model = model,
        .version = names_add(&rebuild->texts, event->version), .from_version = was.from_version, .via = was.via, .site = was.site, .state = (uint8_t)words.to,
        .error = (uint8_t)words.error, .whole = was.whole, .stage = (int32_t)event->stage, .attempt = event->attempt, .revision = event->revision,
        .opened_ms = words.from == STATE_NONE ? event->at_ms : was.opened_ms, .state_ms = words.from != words.to ? event->at_ms : was.state_ms};
    memcpy(upgrade->event, event->id, sizeof upgrade->event);
    rebuild->facts.moves++;
    return DROVER_OK;
}
