/* The fold: what it keeps, and which part takes which entry (rebuild_moves.c, rebuild_rollouts.c). */
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
    for (uint32_t i = 0; i < rebuild->rollout_names.count; i++) {
        sheet_done(&rebuild->rollouts[i]->sheet);
        free(rebuild->rollouts[i]->plan);
        free(rebuild->rollouts[i]);
    }
    for (uint32_t i = 0; i < rebuild->release_names.count; i++)
        sheet_done(&rebuild->releases[i].sheet);
    tallies_done(&rebuild->tallies);
    free(rebuild->rollouts);
    free(rebuild->releases);
    free(rebuild->upgrades);
    free(rebuild->devices);
    free(rebuild->models);
    names_done(&rebuild->texts);
    names_done(&rebuild->upgrade_names);
    names_done(&rebuild->device_names);
    names_done(&rebuild->rollout_names);
    names_done(&rebuild->release_names);
    names_done(&rebuild->model_names);
    free(rebuild);
}

/* --- the tables --- */

void *rebuild_reserve(void *rows, size_t *size, uint32_t at, size_t row_bytes)
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

bool rebuild_is_said(const char *text)
{
    return text[0] && strcmp(text, "-") != 0;
}

struct rebuilt_device *rebuild_device(struct rebuild *rebuild, const char *device_id)
{
    uint32_t before = rebuild->device_names.count, at = names_add(&rebuild->device_names, device_id);

    rebuild->devices = rebuild_reserve(rebuild->devices, &rebuild->device_size, at, sizeof *rebuild->devices);
    if (at == before)
        rebuild->devices[at].upgrade = NAMES_NONE;
    return &rebuild->devices[at];
}

struct rebuilt_rollout *rebuild_rollout(struct rebuild *rebuild, const char *rollout_id)
{
    uint32_t before = rebuild->rollout_names.count, at = names_add(&rebuild->rollout_names, rollout_id);

    rebuild->rollouts = rebuild_reserve(rebuild->rollouts, &rebuild->rollout_size, at, sizeof *rebuild->rollouts);
    if (at == before)
        rebuild->rollouts[at] = must_calloc(1, sizeof *rebuild->rollouts[at]);
    return rebuild->rollouts[at];
}

struct rebuilt_model *rebuild_model(struct rebuild *rebuild, const char *model)
{
    uint32_t at = names_add(&rebuild->model_names, model);

    rebuild->models = rebuild_reserve(rebuild->models, &rebuild->model_size, at, sizeof *rebuild->models);
    return &rebuild->models[at];
}

/* --- the whole --- */

static const struct {
    const char *kind;
    enum drover_error (*take)(struct rebuild *rebuild, struct rebuild_entry *entry, struct problem *ret_problem);
} kinds[] = {{"move", rebuild_take_move}, {"rollout", rebuild_take_rollout}, {"release", rebuild_take_release}};

enum drover_error rebuild_refuse(struct problem *ret_problem, const struct event *event, const char *what)
{
    return problem_set(ret_problem, DROVER_SYNTAX, event->id, "%s", what);
}

static void entry_note(struct rebuild *rebuild, const struct event *event)
{
    if (text_is_id(event->device_id, strlen(event->device_id)))
        memcpy(rebuild_device(rebuild, event->device_id)->event, event->id, EVENT_ID_SIZE);
    rebuild->facts.entries++;
    if (!rebuild->facts.first[0])
        (void)text_copy(rebuild->facts.first, sizeof rebuild->facts.first, event->id);
    (void)text_copy(rebuild->facts.last, sizeof rebuild->facts.last, event->id);
}

enum drover_error rebuild_take(struct rebuild *rebuild, const struct stream_entry *entry, struct problem *ret_problem)
{
    struct rebuild_entry taken;
    struct problem inner;
    char id[STREAM_ID_SIZE];
    enum drover_error error = DROVER_OK;

    (void)text_copy_n(id, sizeof id, entry->id.bytes, entry->id.length);
    if (event_from_entry(entry, &taken.event, &inner) != DROVER_OK)
        error = problem_set(ret_problem, inner.error, id, "%s: %s", inner.where, inner.what);
    else if (event_facts_read(entry, &taken.facts, &inner) != DROVER_OK)
        error = problem_set(ret_problem, inner.error, id, "facts: %s: %s", inner.where, inner.what);
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0] && !error; i++)
        if (strcmp(taken.event.kind, kinds[i].kind) == 0)
            error = kinds[i].take(rebuild, &taken, ret_problem);
    if (!error)
        entry_note(rebuild, &taken.event);
    return error;
}

void rebuild_note_unknown(struct rebuild *rebuild, const char *model, enum upgrade_state state)
{
    rebuild_model(rebuild, model)->unknown[state]++;
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

bool rebuild_knows_plan(const struct rebuild *rebuild, const char *rollout_id)
{
    uint32_t at = names_find(&rebuild->rollout_names, rollout_id);
    const struct rebuilt_rollout *rollout = at != NAMES_NONE ? rebuild->rollouts[at] : NULL;

    return rollout && (rollout->plan || rollout->plan_bytes > 0 || (rollout->whole && !rollout->bare));
}

bool rebuild_knows_release(const struct rebuild *rebuild, const char *name)
{
    uint32_t at = names_find(&rebuild->release_names, name);

    return at != NAMES_NONE && rebuild->releases[at].whole;
}

struct rebuild_facts rebuild_facts(const struct rebuild *rebuild)
{
    struct rebuild_facts facts = rebuild->facts;

    facts.upgrades = rebuild->upgrade_names.count;
    facts.devices = rebuild->device_names.count;
    facts.rollouts = rebuild->rollout_names.count;
    facts.releases = rebuild->release_names.count;
    facts.models = rebuild->model_names.count;
    for (uint32_t i = 0; i < rebuild->rollout_names.count; i++) {
        facts.rollouts_begun_before += !rebuild->rollouts[i]->whole;
        facts.plans_too_long += rebuild->rollouts[i]->plan_bytes > 0;
    }
    return facts;
}
