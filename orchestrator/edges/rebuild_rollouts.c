/* Rollouts with their plans, and releases, folded: what an entry says of one, and what its facts set besides. The rules are those of rollout_open.lua,
 * rollout_move.lua and lib/place.lua. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/must_alloc.h"
#include "orchestrator/edges/rebuild_inside.h"

static void facts_set(struct rebuild *rebuild, struct sheet *sheet, struct event_facts *facts)
{
    char name[FACTS_NAME_SIZE], value[FACTS_VALUE_SIZE];

    while (event_facts_next_set(facts, name, value))
        sheet_set(sheet, &rebuild->texts, name, value);
    while (event_facts_next_unset(facts, name))
        sheet_unset(sheet, &rebuild->texts, name);
}

/* --- rollouts --- */

static void plan_take(struct rebuilt_rollout *rollout, const struct event_facts *facts)
{
    if (!facts->plan && facts->plan_bytes == 0)
        return;
    free(rollout->plan);
    rollout->plan = NULL;
    rollout->plan_bytes = facts->plan_bytes;
    if (facts->plan) {
        rollout->plan = must_alloc(facts->plan_length + 1);
        memcpy(rollout->plan, facts->plan, facts->plan_length);
        rollout->plan[facts->plan_length] = '\0';
    }
}

/* It rises with every change, and is no less than its time. */
static int64_t epoch_after(const struct rebuild *rebuild, const struct rebuilt_rollout *rollout, int64_t at_ms)
{
    const char *had = sheet_get(&rollout->sheet, &rebuild->texts, "epoch");
    int64_t epoch;

    return had && text_to_i64(had, strlen(had), 0, INT64_MAX - 1, &epoch) && epoch + 1 > at_ms ? epoch + 1 : at_ms;
}

static void rollout_set(struct rebuild *rebuild, struct rebuilt_rollout *rollout, const struct event *event)
{
    struct sheet *sheet = &rollout->sheet;
    struct names *names = &rebuild->texts;

    if (rollout->whole)    /* else the one before is not known */
        sheet_set_number(sheet, names, "epoch", epoch_after(rebuild, rollout, event->at_ms));
    sheet_set(sheet, names, "id", event->rollout);
    sheet_set(sheet, names, "model", event->model);
    sheet_set(sheet, names, "version", event->version);
    sheet_set(sheet, names, "state", event->to);
    sheet_set(sheet, names, "why", rebuild_is_said(event->why) ? event->why : "");
    sheet_set_number(sheet, names, "revision", event->revision);
    if (event->stage != 0)
        sheet_set_number(sheet, names, "stage", event->stage);
}

enum drover_error rebuild_take_rollout(struct rebuild *rebuild, struct rebuild_entry *entry, struct problem *ret_problem)
{
    const struct event *event = &entry->event;
    enum rollout_state state;
    struct rebuilt_rollout *rollout;

    if (!rollout_state_read(event->to, &state))
        return rebuild_refuse(ret_problem, event, "it takes a rollout to a state that Drover does not have");
    if (!text_is_id(event->rollout, strlen(event->rollout)) || !text_is_id(event->model, strlen(event->model)))
        return rebuild_refuse(ret_problem, event, "it is about no rollout, or of no model");
    rollout = rebuild_rollout(rebuild, event->rollout);
    (void)rebuild_model(rebuild, event->model);
    if (strcmp(event->on, "open") == 0) {
        rollout->whole = true;
        rollout->created_ms = event->at_ms;
        sheet_set_number(&rollout->sheet, &rebuild->texts, "created_ms", event->at_ms);
    }
    rollout_set(rebuild, rollout, event);
    facts_set(rebuild, &rollout->sheet, &entry->facts);
    plan_take(rollout, &entry->facts);
    rollout->bare = rollout->bare || !entry->facts.known;
    return DROVER_OK;
}

/* --- releases --- */

static struct rebuilt_release *release_of(struct rebuild *rebuild, const char *name)
{
    uint32_t before = rebuild->release_names.count, at = names_add(&rebuild->release_names, name);

    rebuild->releases = rebuild_reserve(rebuild->releases, &rebuild->release_size, at, sizeof *rebuild->releases);
    if (at == before)
        rebuild->releases[at] = (struct rebuilt_release){.whole = false};
    return &rebuild->releases[at];
}

enum drover_error rebuild_take_release(struct rebuild *rebuild, struct rebuild_entry *entry, struct problem *ret_problem)
{
    const struct event *event = &entry->event;
    char name[ID_SIZE + VERSION_SIZE];
    struct rebuilt_release *release;

    if (!text_is_id(event->model, strlen(event->model)) || !rebuild_is_said(event->version))
        return rebuild_refuse(ret_problem, event, "it is about no release");
    (void)snprintf(name, sizeof name, "%s:%s", event->model, event->version);
    release = release_of(rebuild, name);
    release->whole = release->whole || strcmp(event->on, "add") == 0;
    facts_set(rebuild, &release->sheet, &entry->facts);
    return DROVER_OK;
}
