/* Rollouts as Redis keeps them, and the hashes that count: of a rollout, of its stages, of a model. */
#include "orchestrator/edges/store_records.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "common/text.h"
#include "orchestrator/core/stage.h"

static const char *rollout_word(int value) { return rollout_state_name((enum rollout_state)value); }
static bool rollout_word_read(const char *text, int *ret)
{
    enum rollout_state state;
    return rollout_state_read(text, &state) && ((*ret = (int)state), true);
}
static const struct record_words rollout_words = {rollout_word, rollout_word_read};

#define ROLLOUT(kind, member) RECORD_MEMBER(struct rollout, kind, member)
static const struct record_field rollout_fields[] = {
    {ROLLOUT(TEXT, id)},
    {ROLLOUT(TEXT, model)},
    {ROLLOUT(TEXT, version)},
    {ROLLOUT(WORD, state), .words = &rollout_words, .absent = -1},
    {ROLLOUT(TEXT, why)},
    {ROLLOUT(I64, revision)},
    {ROLLOUT(I64, epoch)},
    {ROLLOUT(I64, created_ms)},
    {ROLLOUT(I64, plan_revision)},
    {ROLLOUT(I64, stage)},
    {ROLLOUT(I64, stage_ms)},
    {ROLLOUT(I64, start_ms)},
    {ROLLOUT(I64, approvals)},
    {ROLLOUT(TEXT, author)},
    {RECORD_NAMED(struct rollout, TEXT, "approver1", approvers[0])},
    {RECORD_NAMED(struct rollout, TEXT, "approver2", approvers[1])},
    {ROLLOUT(I64, retry_ms)},
    {ROLLOUT(I64, back_ms)},
    {ROLLOUT(I64, back_left)},
    {ROLLOUT(I64, back_offline)},
    {ROLLOUT(I64, share_pct)},
    {ROLLOUT(I64, max_in_flight)},
    {ROLLOUT(I64, max_attempts)},
    {ROLLOUT(I64, error_budget_pct)},
    {ROLLOUT(I64, confirmations)},
    {ROLLOUT(I64, soak_ms)},
    {ROLLOUT(I64, spread_s)},
    {RECORD_NAMED(struct rollout, I64, "opened", counts.opened)},
    {ROLLOUT(I64, retried)},
};
const struct record_table rollout_record = RECORD_TABLE(rollout_fields);

#define POSITION(member) RECORD_MEMBER(struct rollout, I64, member), .always = true
static const struct record_field rollout_position_fields[] = {
    {POSITION(plan_revision)}, {POSITION(stage)}, {POSITION(stage_ms)}, {POSITION(start_ms)}, {POSITION(approvals)},
    {POSITION(share_pct)}, {POSITION(max_in_flight)}, {POSITION(max_attempts)}, {POSITION(error_budget_pct)},
    {POSITION(confirmations)}, {POSITION(soak_ms)}, {POSITION(spread_s)}, {POSITION(retry_ms)},
    {RECORD_MEMBER(struct rollout, TEXT, author), .always = true},
    {RECORD_NAMED(struct rollout, TEXT, "approver1", approvers[0]), .always = true},
    {RECORD_NAMED(struct rollout, TEXT, "approver2", approvers[1]), .always = true},
};
const struct record_table rollout_position_record = RECORD_TABLE(rollout_position_fields);

/* --- counts --- */

/* The value of a counter called prefix + something: the something; NULL when it is not one. */
static const char *counter_name(const struct redisReply *name, const struct redisReply *value, const char *prefix, int64_t *ret_count)
{
    size_t length = strlen(prefix);
    if (name->len <= length || memcmp(name->str, prefix, length) != 0)
        return NULL;
    return text_to_i64(value->str, value->len, INT64_MIN, INT64_MAX, ret_count) ? name->str + length : NULL;
}

static void read_state_count(const struct redisReply *name, const struct redisReply *value, int64_t *counts)
{
    int64_t count;
    enum upgrade_state state;
    const char *word = counter_name(name, value, "state:", &count);
    if (word && upgrade_state_read(word, &state))
        counts[state] = count;
}

static void read_count(const struct redisReply *name, const struct redisReply *value, struct rollout_counts *counts)
{
    int64_t count;
    enum error_code code;
    read_state_count(name, value, counts->states);
    const char *word = counter_name(name, value, "error:", &count);
    if (word && error_code_read(word, &code))
        counts->errors[code] = count;
    if (strcmp(name->str, "opened") == 0)
        (void)text_to_i64(value->str, value->len, 0, INT64_MAX, &counts->opened);
}

void rollout_counts_read(const struct redisReply *fields, struct rollout_counts *ret)
{
    *ret = (struct rollout_counts){0};
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        read_count(fields->element[i], fields->element[i + 1], ret);
}

/* Of "before:<count>" the count alone. */
static bool name_without(const struct redisReply *name, const char *prefix, struct redisReply *ret)
{
    size_t length = strlen(prefix);
    if (name->len <= length || memcmp(name->str, prefix, length) != 0)
        return false;
    *ret = *name;
    ret->str += length;
    ret->len -= length;
    return true;
}

static void read_stage_field(const struct redisReply *name, const struct redisReply *value, struct rollout *rollout)
{
    const struct {
        const char *name;
        int64_t *number;
    } rows[] = {{"opened_ms", &rollout->opened_ms}, {"settled_ms", &rollout->settled_ms}, {"resumed_ms", &rollout->resumed_ms}};
    int64_t count;
    struct redisReply before;
    const char *stratum = counter_name(name, value, "opened@", &count);
    if (stratum)
        stage_note_stratum(rollout, stratum, count);
    if (name_without(name, "before:", &before))
        read_count(&before, value, &rollout->before);
    if (strcmp(name->str, "before_of") == 0)
        rollout->before_of_all = strcmp(value->str, "all") == 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(name->str, rows[i].name) == 0)
            (void)text_to_i64(value->str, value->len, 0, INT64_MAX, rows[i].number);
}

void rollout_stage_read(const struct redisReply *fields, struct rollout *rollout)
{
    if (!rollout->plan)
        return;
    rollout_counts_read(fields, &rollout->staged);
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        read_stage_field(fields->element[i], fields->element[i + 1], rollout);
}

size_t rollout_read(const struct redisReply *fields, const struct redisReply *release_fields_, struct rollout *ret)
{
    struct rollout rollout = {0};
    record_clear(&rollout_record, &rollout);
    size_t bad = record_read(&rollout_record, fields, &rollout);
    if (bad == SIZE_MAX || (int)rollout.state < 0)
        return SIZE_MAX;
    rollout_counts_read(fields, &rollout.counts);
    size_t release_bad = release_read(release_fields_, &rollout.release);
    if (release_bad == SIZE_MAX)
        return SIZE_MAX;
    *ret = rollout;
    return bad + release_bad;
}

/* --- models --- */

/* Keeps the most used versions, in order. */
static void add_version(struct model_summary *model, const char *version, int64_t devices)
{
    unsigned at = model->version_count < FLEET_VERSIONS_MAX ? model->version_count++ : FLEET_VERSIONS_MAX - 1;
    if (at == FLEET_VERSIONS_MAX - 1 && model->versions[at].devices >= devices && model->versions[at].version[0])
        return;
    for (; at > 0 && model->versions[at - 1].devices < devices; at--)
        model->versions[at] = model->versions[at - 1];
    model->versions[at].devices = devices;
    (void)text_copy(model->versions[at].version, VERSION_SIZE, version);
}

size_t model_summary_read(const struct redisReply *name, const struct redisReply *fields, struct model_summary *ret)
{
    static const struct record_field rows[] = {
        {RECORD_MEMBER(struct model_summary, I64, devices)},
        {RECORD_MEMBER(struct model_summary, I64, online)},
    };
    static const struct record_table table = RECORD_TABLE(rows);
    struct model_summary model = {0};
    size_t bad = record_read(&table, fields, &model);
    if (bad == SIZE_MAX || name->type != REDIS_REPLY_STRING || !text_copy_n(model.model, sizeof model.model, name->str, name->len))
        return SIZE_MAX;
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        int64_t count;
        const char *version = counter_name(fields->element[i], fields->element[i + 1], "version:", &count);
        if (version)
            add_version(&model, version, count);
        read_state_count(fields->element[i], fields->element[i + 1], model.states);
    }
    *ret = model;
    return bad;
}
