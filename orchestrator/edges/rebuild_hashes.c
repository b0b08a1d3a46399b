/* The folded log as the hashes that Redis holds, field by field under their names. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* --- fields: what is empty or 0 is not stored --- */

static void hash_begin(struct rebuilt_hash *hash, enum rebuilt_kind kind, const char *what, const char *id)
{
    *hash = (struct rebuilt_hash){.kind = kind, .id = id, .whole = true};
    (void)snprintf(hash->key, sizeof hash->key, KEY_PREFIX "%s:%s", what, id);
}

static void text_add(struct rebuilt_hash *hash, const char *name, const char *text, bool surely)
{
    struct rebuilt_field *field = &hash->fields[hash->count];

    if (!text[0] || strcmp(text, "-") == 0)
        return;
    field->name = name;
    field->surely = surely;
    (void)snprintf(field->value, sizeof field->value, "%s", text);
    hash->count++;
}

static void number_put(struct rebuilt_hash *hash, const char *name, int64_t number, bool surely)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    text_add(hash, name, text, surely);
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

/* --- the hashes --- */

typedef enum drover_error visitor(void *arg, const struct rebuilt_hash *hash);

/* revision counts notes too, which leave no entry: it is only what it was at the last move. */
static enum drover_error upgrade_visit(struct rebuild *rebuild, uint32_t device, visitor *visit, void *arg)
{
    const struct rebuilt_device *row = &rebuild->devices[device];
    struct rebuilt_hash hash;
    enum drover_error error = DROVER_OK;

    if (row->upgrade != NAMES_NONE) {
        const struct rebuilt_upgrade *upgrade = &rebuild->upgrades[row->upgrade];

        hash_begin(&hash, REBUILT_UPGRADE, "upgrade", rebuild->device_names.texts[device]);
        text_add(&hash, "upgrade_id", rebuild->upgrade_names.texts[row->upgrade], true);
        text_add(&hash, "rollout", rebuild->rollout_names.texts[upgrade->rollout], true);
        text_add(&hash, "model", rebuild->model_names.texts[upgrade->model], true);
        text_add(&hash, "version", rebuild->texts.texts[upgrade->version], true);
        text_add(&hash, "state", upgrade_state_name(upgrade->state), true);
        number_put(&hash, "attempt", upgrade->attempt, true);
        number_put(&hash, "revision", upgrade->revision, false);
        number_add(&hash, "stage", upgrade->stage, true);
        text_add(&hash, "error", error_code_name(upgrade->error), true);
        number_add(&hash, "opened_ms", upgrade->opened_ms, true);
        number_add(&hash, "state_ms", upgrade->state_ms, true);
        text_add(&hash, "last_event", row->event, false);
        error = visit(arg, &hash);
    }
    if (!error) {
        hash_begin(&hash, REBUILT_DEVICE, "device", rebuild->device_names.texts[device]);
        text_add(&hash, "last_event", row->event, true);
        error = visit(arg, &hash);
    }
    return error;
}

static enum drover_error stages_visit(const struct rebuilt_rollout *rollout, const char *id, visitor *visit, void *arg)
{
    struct rebuilt_hash hash;
    enum drover_error error = DROVER_OK;

    for (int stage = 1; stage <= PLAN_STAGES_MAX && !error; stage++) {
        const struct rebuilt_stage *row = &rollout->stages[stage];
        size_t used;

        if (row->counts.opened == 0)
            continue;
        hash_begin(&hash, REBUILT_STAGE, "rollout", id);
        used = strlen(hash.key);
        (void)snprintf(hash.key + used, sizeof hash.key - used, ":stage:%d", stage);
        hash.whole = rollout->whole;
        counts_add(&hash, &row->counts);
        number_add(&hash, "opened_ms", row->opened_ms, true);
        number_add(&hash, "settled_ms", row->settled_ms, true);
        error = visit(arg, &hash);
    }
    return error;
}

/* Where the log begins later than the rollout, its counters would only be those of what came since: they are left out. */
static enum drover_error rollout_visit(struct rebuild *rebuild, uint32_t at, visitor *visit, void *arg)
{
    const struct rebuilt_rollout *rollout = rebuild->rollouts[at];
    const char *id = rebuild->rollout_names.texts[at];
    struct rebuilt_hash hash;
    enum drover_error error;

    hash_begin(&hash, REBUILT_ROLLOUT, "rollout", id);
    hash.whole = rollout->whole;
    hash.created_ms = rollout->created_ms;
    text_add(&hash, "id", id, true);
    if (rollout->state >= 0) {
        text_add(&hash, "model", rebuild->model_names.texts[rollout->model], true);
        text_add(&hash, "version", rebuild->texts.texts[rollout->version], true);
        text_add(&hash, "state", rollout_state_name((enum rollout_state)rollout->state), true);
        text_add(&hash, "why", rollout->why, false);
        number_add(&hash, "revision", rollout->revision, true);
        number_add(&hash, "stage", rollout->stage, true);
    }
    number_add(&hash, "created_ms", rollout->created_ms, true);
    if (rollout->whole) {
        counts_add(&hash, &rollout->counts);
        number_add(&hash, "retried", rollout->retried, true);
    }
    error = visit(arg, &hash);
    return error || !rollout->whole ? error : stages_visit(rollout, id, visit, arg);
}

static enum drover_error model_visit(struct rebuild *rebuild, uint32_t at, visitor *visit, void *arg)
{
    const struct rebuilt_model *model = &rebuild->models[at];
    struct rebuilt_hash hash;

    hash_begin(&hash, REBUILT_MODEL, "model", rebuild->model_names.texts[at]);
    for (int state = STATE_NONE + 1; state < UPGRADE_STATE_COUNT; state++)
        number_add(&hash, state_counter((enum upgrade_state)state), model->states[state] + model->unknown[state], true);
    return visit(arg, &hash);
}

enum drover_error rebuild_each(struct rebuild *rebuild, enum drover_error (*visit)(void *arg, const struct rebuilt_hash *hash), void *arg)
{
    enum drover_error error = DROVER_OK;

    for (uint32_t i = 0; i < rebuild->device_names.count && !error; i++)
        error = upgrade_visit(rebuild, i, visit, arg);
    for (uint32_t i = 0; i < rebuild->rollout_names.count && !error; i++)
        error = rollout_visit(rebuild, i, visit, arg);
    for (uint32_t i = 0; i < rebuild->model_names.count && !error; i++)
        error = model_visit(rebuild, i, visit, arg);
    return error;
}
