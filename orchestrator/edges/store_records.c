/* What Drover keeps in Redis, member by member: a new member of a struct is one row here. */
#include "orchestrator/edges/store_records.h"

#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/text.h"
#include "orchestrator/core/stage.h"

/* --- words --- */

static const char *state_word(int value) { return upgrade_state_name((enum upgrade_state)value); }
static bool state_word_read(const char *text, int *ret)
{
    enum upgrade_state state;
    return upgrade_state_read(text, &state) && ((*ret = (int)state), true);
}
static const struct record_words state_words = {state_word, state_word_read};

static const char *code_word(int value) { return error_code_name((enum error_code)value); }
static bool code_word_read(const char *text, int *ret)
{
    enum error_code code;
    return error_code_read(text, &code) && ((*ret = (int)code), true);
}
static const struct record_words code_words = {code_word, code_word_read};

static const char *rollout_word(int value) { return rollout_state_name((enum rollout_state)value); }
static bool rollout_word_read(const char *text, int *ret)
{
    enum rollout_state state;
    return rollout_state_read(text, &state) && ((*ret = (int)state), true);
}
static const struct record_words rollout_words = {rollout_word, rollout_word_read};

const char *device_kind_name(enum device_kind kind)
{
    return kind == KIND_MANAGED ? "managed" : kind == KIND_SIMPLE ? "simple" : "";
}
static const char *kind_word(int value) { return device_kind_name((enum device_kind)value); }
static bool kind_word_read(const char *text, int *ret)
{
    for (enum device_kind kind = KIND_MANAGED; kind <= KIND_SIMPLE; kind++)
        if (strcmp(text, device_kind_name(kind)) == 0)
            return (*ret = (int)kind), true;
    return false;
}
static const struct record_words kind_words = {kind_word, kind_word_read};

/* --- tables --- */

/* A device's hash holds its boot time instead of its uptime, which would change with every heartbeat. */
struct stored_device {
    struct device_row row;
    int64_t booted_ms;
};
#define LAST(kind, member) RECORD_NAMED(struct stored_device, kind, #member, row.device.last.member)
#define ROW(kind, name, member) RECORD_NAMED(struct stored_device, kind, name, row.member)
static const struct record_field device_fields[] = {
    {LAST(I64, seq), .absent = -1},
    {LAST(TEXT, model)},
    {LAST(TEXT, version)},
    {LAST(TEXT, hw_rev)},
    {LAST(TEXT, status)},
    {LAST(SLOT, slot)},
    {LAST(TEXT, boot_id)},
    {LAST(TEXT, network)},
    {LAST(I64, rssi_dbm), .absent = ABSENT},
    {LAST(I64, battery_pct), .absent = ABSENT},
    {LAST(TEXT, priority)},
    {LAST(TEXT, tags)},
    {LAST(TEXT, tz)},
    {LAST(WORD, kind), .words = &kind_words},
    {RECORD_NAMED(struct stored_device, I64, "booted_ms", booted_ms)},
    {ROW(BOOL, "online", device.online)},
    {ROW(I64, "first_seen_ms", device.first_seen_ms)},
    {ROW(I64, "clash_ms", device.clash_ms)},
    {ROW(TEXT, "quarantine", device.quarantine)},
    {ROW(I64, "quarantine_ms", device.quarantine_ms)},
    {ROW(BOOL, "quarantine_auto", device.quarantine_auto)},
    {ROW(TEXT, "excluded", device.excluded)},
    {ROW(TEXT, "rollout", rollout)},
    {ROW(TEXT, "upgrade", upgrade_id)},
    {ROW(WORD, "state", state), .words = &state_words},
    {ROW(I64, "attempt", attempt)},
    {ROW(TEXT, "from_version", from_version)},
    {ROW(TEXT, "target", target)},
};
static const struct record_table device_record = RECORD_TABLE(device_fields);

#define UPGRADE(kind, member) RECORD_MEMBER(struct upgrade, kind, member)
static const struct record_field upgrade_fields[] = {
    {UPGRADE(TEXT, upgrade_id)},
    {UPGRADE(TEXT, rollout)},
    {UPGRADE(TEXT, model)},
    {UPGRADE(TEXT, from_version)},
    {UPGRADE(TEXT, version)},
    {UPGRADE(WORD, state), .words = &state_words, .always = true},
    {UPGRADE(I64, attempt), .always = true},
    {UPGRADE(I64, attempts_before)},
    {UPGRADE(I64, revision), .always = true},
    {UPGRADE(I64, deadline_ms), .always = true},
    {UPGRADE(I64, stage)},
    {UPGRADE(TEXT, site)},
    {UPGRADE(I64, opened_ms)},
    {UPGRADE(I64, state_ms)},
    {UPGRADE(I64, attempt_ms)},
    {UPGRADE(I64, download_ms)},
    {UPGRADE(I64, repeats)},
    {UPGRADE(I64, busy)},
    {UPGRADE(I64, progress), .always = true},
    {UPGRADE(I64, report_seq)},
    {UPGRADE(WORD, error), .words = &code_words},
    {UPGRADE(TEXT, why)},
    {UPGRADE(TEXT, note)},
    {UPGRADE(TEXT, boot_before)},
    {UPGRADE(I64, strayed_ms)},
    {UPGRADE(TEXT, boot_id)},
    {UPGRADE(I64, boots)},
    {UPGRADE(I64, rebooted_ms)},
    {UPGRADE(I64, healthy_ms)},
    {UPGRADE(I64, confirmations)},
    {UPGRADE(I64, confirmed_ms)},
    {UPGRADE(I64, unhealthy)},
    {UPGRADE(I64, old_beats)},
    {UPGRADE(I64, evidence_ms)},
    {UPGRADE(I64, heard_ms)},
    {UPGRADE(WORD, lost_from), .words = &state_words},
    {UPGRADE(BOOL, full_only)},
    {UPGRADE(BOOL, delta)},
    {UPGRADE(BOOL, asked_back)},
    {UPGRADE(BOOL, has_package)},
    {UPGRADE(I64, install_after_ms)},
    {UPGRADE(I64, install_before_ms)},
    {UPGRADE(TEXT, last_event)},
    {UPGRADE(TEXT, token), .always = true},
};
const struct record_table upgrade_record = RECORD_TABLE(upgrade_fields);

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

#define EVENT(kind, name, member) RECORD_NAMED(struct event, kind, name, member), .always = true
static const struct record_field event_fields[] = {
    {EVENT(I64, "at_ms", at_ms)},
    {EVENT(TEXT, "kind", kind)},
    {EVENT(TEXT, "device", device_id)},
    {EVENT(TEXT, "model", model)},
    {EVENT(TEXT, "rollout", rollout)},
    {EVENT(TEXT, "upgrade", upgrade_id)},
    {EVENT(TEXT, "from", from)},
    {EVENT(TEXT, "to", to)},
    {EVENT(TEXT, "on", on)},
    {EVENT(I64, "attempt", attempt)},
    {EVENT(I64, "revision", revision)},
    {EVENT(TEXT, "version", version)},
    {EVENT(TEXT, "error", error)},
    {EVENT(TEXT, "why", why)},
    {EVENT(TEXT, "prev", prev)},
    {EVENT(TEXT, "instance", instance)},
    {EVENT(I64, "stage", stage)},
};
static const struct record_table event_record = RECORD_TABLE(event_fields);

/* --- whole records --- */

size_t device_row_read(const struct redisReply *fields, const char *device_id, int64_t seen_ms, struct device_row *ret)
{
    struct stored_device stored = {0};
    record_clear(&device_record, &stored);
    size_t bad = record_read(&device_record, fields, &stored);
    struct device *device = &stored.row.device;
    if (!text_copy(device->last.device_id, sizeof device->last.device_id, device_id))
        return SIZE_MAX;
    device->seen_ms = seen_ms;
    device->last.seq = device->last.seq < 0 ? ABSENT : device->last.seq;
    device->last.uptime_s = stored.booted_ms > 0 && seen_ms >= stored.booted_ms ? (seen_ms - stored.booted_ms) / 1000 : ABSENT;
    *ret = stored.row;
    return bad;
}

size_t upgrade_read(const struct redisReply *fields, const char *device_id, struct upgrade *ret)
{
    struct upgrade upgrade = {0};
    record_clear(&upgrade_record, &upgrade);
    size_t bad = record_read(&upgrade_record, fields, &upgrade);
    if (!text_copy(upgrade.device_id, sizeof upgrade.device_id, device_id))
        return SIZE_MAX;
    *ret = upgrade;
    return bad;
}

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

size_t event_entry_read(const struct redisReply *id, const struct redisReply *fields, struct event *ret)
{
    struct event event = {0};
    record_clear(&event_record, &event);
    size_t bad = record_read(&event_record, fields, &event);
    if (bad == SIZE_MAX || id->type != REDIS_REPLY_STRING || !text_copy_n(event.id, sizeof event.id, id->str, id->len))
        return SIZE_MAX;
    *ret = event;
    return bad;
}

void event_add_fields(const struct event *event, struct redis_args *args)
{
    record_add(&event_record, event, args);
    redis_args_add_text(args, "facts");
    redis_args_add_text(args, "-");
}

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
