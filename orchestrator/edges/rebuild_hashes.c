/* The folded log as what Redis holds, field by field under their names. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/rebuild_inside.h"

/* Names of counters, made once: "state:failed", "error:E_BOOT". */
static const char *counter_name(const char *prefix, const char *word, char (*names)[STREAM_ID_SIZE], unsigned at)
{
    (void)snprintf(names[at], sizeof names[at], "%s%.32s", prefix, word);
    return names[at];
}

static const char *state_counter(enum upgrade_state state)
{
    static char names[UPGRADE_STATE_COUNT][STREAM_ID_SIZE];

    return names[state][0] ? names[state] : counter_name("state:", upgrade_state_name(state), names, (unsigned)state);
}

static const char *error_counter(enum error_code code)
{
    static char names[ERROR_CODE_COUNT][STREAM_ID_SIZE];

    return names[code][0] ? names[code] : counter_name("error:", error_code_name(code), names, (unsigned)code);
}

/* --- fields: what is empty or 0 is not stored, but where an entry says that it was --- */

static void hash_begin(struct rebuilt_hash *hash, enum rebuilt_kind kind, const char *what, const char *id, const char *part)
{
    hash->kind = kind;
    hash->id = id;
    hash->whole = true;
    hash->created_ms = 0;
    hash->plan = NULL;
    hash->count = 0;
    (void)snprintf(hash->key, sizeof hash->key, KEY_PREFIX "%s:%s%s", what, id, part);
}

const char *rebuilt_value(const struct rebuilt_field *field)
{
    return field->text ? field->text : field->number;
}

static struct rebuilt_field *field_add(struct rebuilt_hash *hash, const char *name, bool surely)
{
    if (hash->count == hash->room) {
        hash->room = hash->room ? 2 * hash->room : 64;
        hash->fields = realloc(hash->fields, hash->room * sizeof *hash->fields);
        if (!hash->fields)
            abort();
    }
    hash->fields[hash->count] = (struct rebuilt_field){.name = name, .surely = surely};
    return &hash->fields[hash->count++];
}

static void text_add(struct rebuilt_hash *hash, const char *name, const char *text, bool surely)
{
    if (rebuild_is_said(text))
        field_add(hash, name, surely)->text = text;
}

static void number_put(struct rebuilt_hash *hash, const char *name, int64_t number, bool surely)
{
    struct rebuilt_field *field = field_add(hash, name, surely);

    (void)snprintf(field->number, sizeof field->number, "%" PRId64, number);
}

static void number_add(struct rebuilt_hash *hash, const char *name, int64_t number, bool surely)
{
    if (number != 0)
        number_put(hash, name, number, surely);
}

static void counts_add(struct rebuilt_hash *hash, const struct rollout_counts *counts)
{
    number_add(hash, "opened", counts->opened, true);
    for (int state = STATE_NONE + 1; state < UPGRADE_STATE_COUNT; state++)
        number_add(hash, state_counter((enum upgrade_state)state), counts->states[state], true);
    for (int code = E_NONE + 1; code < ERROR_CODE_COUNT; code++)
        number_add(hash, error_counter((enum error_code)code), counts->errors[code], true);
}

static void tallies_add(struct rebuilt_hash *hash, const struct rebuild *rebuild, uint32_t head)
{
    for (uint32_t at = head; at; at = rebuild->tallies.rows[at - 1].next)
        number_add(hash, rebuild->texts.texts[rebuild->tallies.rows[at - 1].name], rebuild->tallies.rows[at - 1].count, true);
}

/* unsure: names that are only as they were at the last entry; NULL ends them. */
static void sheet_add(struct rebuilt_hash *hash, const struct rebuild *rebuild, const struct sheet *sheet, const char *const *unsure)
{
    for (unsigned i = 0; i < sheet->count; i++) {
        const char *name = rebuild->texts.texts[sheet->fields[i].name];
        bool surely = true;

        for (unsigned n = 0; unsure[n]; n++)
            surely = surely && strcmp(name, unsure[n]) != 0;
        field_add(hash, name, surely)->text = sheet->fields[i].value;
    }
}

/* --- the hashes --- */

struct visiting {
    struct rebuild *rebuild;
    enum drover_error (*visit)(void *arg, const struct rebuilt_hash *hash);
    void *arg;
    struct rebuilt_hash hash;          /* the one that is being made; its fields are owned */
};

static enum drover_error told(struct visiting *visiting)
{
    return visiting->visit(visiting->arg, &visiting->hash);
}

static const char *name_of(const struct names *names, uint32_t number)
{
    return number != NAMES_NONE ? names->texts[number] : "";
}

/* revision counts notes too, which leave no entry: it is only what it was at the last move. */
static enum drover_error upgrade_visit(struct visiting *visiting, const struct rebuilt_device *device, const char *id)
{
    const struct rebuild *rebuild = visiting->rebuild;
    const struct rebuilt_upgrade *upgrade = &rebuild->upgrades[device->upgrade];
    struct rebuilt_hash *hash = &visiting->hash;

    hash_begin(hash, REBUILT_UPGRADE, "upgrade", id, "");
    text_add(hash, "upgrade_id", rebuild->upgrade_names.texts[device->upgrade], true);
    text_add(hash, "rollout", rebuild->rollout_names.texts[upgrade->rollout], true);
    text_add(hash, "model", rebuild->model_names.texts[upgrade->model], true);
    text_add(hash, "version", rebuild->texts.texts[upgrade->version], true);
    text_add(hash, "from_version", name_of(&rebuild->texts, upgrade->from_version), true);
    text_add(hash, "via", name_of(&rebuild->texts, upgrade->via), true);
    text_add(hash, "site", name_of(&rebuild->texts, upgrade->site), true);
    text_add(hash, "state", upgrade_state_name(upgrade->state), true);
    number_put(hash, "attempt", upgrade->attempt, true);
    number_put(hash, "revision", upgrade->revision, false);
    number_add(hash, "stage", upgrade->stage, true);
    text_add(hash, "error", error_code_name(upgrade->error), true);
    number_add(hash, "opened_ms", upgrade->opened_ms, true);
    number_add(hash, "state_ms", upgrade->state_ms, true);
    text_add(hash, "last_event", device->event, false);
    return told(visiting);
}

static enum drover_error device_visit(struct visiting *visiting, uint32_t at)
{
    const struct rebuilt_device *device = &visiting->rebuild->devices[at];
    const char *id = visiting->rebuild->device_names.texts[at];
    enum drover_error error = device->upgrade != NAMES_NONE ? upgrade_visit(visiting, device, id) : DROVER_OK;

    if (error)
        return error;
    hash_begin(&visiting->hash, REBUILT_DEVICE, "device", id, "");
    text_add(&visiting->hash, "last_event", device->event, true);
    return told(visiting);
}

static enum drover_error stage_visit(struct visiting *visiting, const struct rebuilt_rollout *rollout, const char *id, int number)
{
    const struct rebuilt_stage *stage = &rollout->stages[number];
    struct rebuilt_hash *hash = &visiting->hash;
    char part[24];

    if (stage->counts.opened == 0)
        return DROVER_OK;
    (void)snprintf(part, sizeof part, ":stage:%d", number);
    hash_begin(hash, REBUILT_STAGE, "rollout", id, part);
    hash->whole = !rollout->bare;
    counts_add(hash, &stage->counts);
    if (!rollout->bare)
        tallies_add(hash, visiting->rebuild, stage->strata);
    number_add(hash, "opened_ms", stage->opened_ms, true);
    number_add(hash, "settled_ms", stage->settled_ms, true);
    return told(visiting);
}

/* What hangs on the rollout, of one that the log holds from its beginning. */
static enum drover_error parts_visit(struct visiting *visiting, const struct rebuilt_rollout *rollout, const char *id)
{
    enum drover_error error = DROVER_OK;

    for (int number = 1; number <= PLAN_STAGES_MAX && !error; number++)
        error = stage_visit(visiting, rollout, id, number);
    if (error || rollout->bare)
        return error;
    hash_begin(&visiting->hash, REBUILT_SITES, "rollout", id, ":sites");
    tallies_add(&visiting->hash, visiting->rebuild, rollout->sites);
    return told(visiting);
}

static enum drover_error plan_visit(struct visiting *visiting, const struct rebuilt_rollout *rollout, const char *id)
{
    const char *digest = sheet_get(&rollout->sheet, &visiting->rebuild->texts, "plan_sha256");

    if (!rollout->plan && rollout->plan_bytes == 0)
        return DROVER_OK;
    hash_begin(&visiting->hash, REBUILT_PLAN, "rollout", id, ":plan");
    visiting->hash.plan = rollout->plan;
    visiting->hash.plan_bytes = rollout->plan ? (int64_t)strlen(rollout->plan) : rollout->plan_bytes;
    if (digest)
        text_add(&visiting->hash, "plan_sha256", digest, true);
    return told(visiting);
}

/* Where the log begins later than the rollout, its counters would only be those of what came since: they are left out. */
static enum drover_error rollout_visit(struct visiting *visiting, uint32_t at)
{
    static const char *const none[] = {NULL};
    const struct rebuilt_rollout *rollout = visiting->rebuild->rollouts[at];
    const char *id = visiting->rebuild->rollout_names.texts[at];
    struct rebuilt_hash *hash = &visiting->hash;
    enum drover_error error;

    hash_begin(hash, REBUILT_ROLLOUT, "rollout", id, "");
    hash->whole = rollout->whole;
    hash->created_ms = rollout->created_ms;
    if (rollout->sheet.count == 0)
        text_add(hash, "id", id, true);
    sheet_add(hash, visiting->rebuild, &rollout->sheet, none);
    if (rollout->whole) {
        counts_add(hash, &rollout->counts);
        number_add(hash, "retried", rollout->retried, true);
    }
    error = told(visiting);
    if (!error)
        error = plan_visit(visiting, rollout, id);
    return error || !rollout->whole ? error : parts_visit(visiting, rollout, id);
}

static enum drover_error model_visit(struct visiting *visiting, uint32_t at)
{
    const struct rebuilt_model *model = &visiting->rebuild->models[at];

    hash_begin(&visiting->hash, REBUILT_MODEL, "model", visiting->rebuild->model_names.texts[at], "");
    for (int state = STATE_NONE + 1; state < UPGRADE_STATE_COUNT; state++)
        number_add(&visiting->hash, state_counter((enum upgrade_state)state), model->states[state] + model->unknown[state], true);
    return told(visiting);
}

/* That it was verified again, and still is as it was, is no event. */
static enum drover_error release_visit(struct visiting *visiting, uint32_t at)
{
    static const char *const unsure[] = {"verified_ms", NULL};
    const struct rebuilt_release *release = &visiting->rebuild->releases[at];
    const char *created = sheet_get(&release->sheet, &visiting->rebuild->texts, "created_ms");

    hash_begin(&visiting->hash, REBUILT_RELEASE, "release", visiting->rebuild->release_names.texts[at], "");
    visiting->hash.whole = release->whole;
    if (created)
        (void)text_to_i64(created, strlen(created), 0, INT64_MAX, &visiting->hash.created_ms);
    sheet_add(&visiting->hash, visiting->rebuild, &release->sheet, unsure);
    return told(visiting);
}

enum drover_error rebuild_each(struct rebuild *rebuild, enum drover_error (*visit)(void *arg, const struct rebuilt_hash *hash), void *arg)
{
    struct visiting visiting = {.rebuild = rebuild, .visit = visit, .arg = arg};
    const struct {
        const struct names *names;
        enum drover_error (*visit)(struct visiting *visiting, uint32_t at);
    } rows[] = {{&rebuild->device_names, device_visit}, {&rebuild->rollout_names, rollout_visit}, {&rebuild->model_names, model_visit},
                {&rebuild->release_names, release_visit}};
    enum drover_error error = DROVER_OK;

    for (unsigned row = 0; row < sizeof rows / sizeof rows[0]; row++)
        for (uint32_t i = 0; i < rows[row].names->count && !error; i++)
            error = rows[row].visit(&visiting, i);
    free(visiting.hash.fields);
    return error;
}
