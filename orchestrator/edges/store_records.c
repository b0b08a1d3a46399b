/* What Drover keeps in Redis, member by member: a new member of a struct is one row here. Rollouts and what is counted are in store_rollout_record.c. */
#include "orchestrator/edges/store_records.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "common/text.h"

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
    {UPGRADE(TEXT, upgrade_id), .apart = true},
    {UPGRADE(TEXT, rollout)},
    {UPGRADE(TEXT, model)},
    {UPGRADE(TEXT, from_version)},
    {UPGRADE(TEXT, version)},
    {UPGRADE(TEXT, via)},
    {UPGRADE(WORD, state), .words = &state_words, .always = true, .apart = true},
    {UPGRADE(I64, attempt), .always = true},
    {UPGRADE(I64, attempts_before)},
    {UPGRADE(I64, revision), .always = true, .apart = true},
    {UPGRADE(I64, deadline_ms), .always = true, .apart = true},
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
    {UPGRADE(TEXT, last_event), .apart = true},
    {UPGRADE(TEXT, token), .always = true, .apart = true},
};
const struct record_table upgrade_record = RECORD_TABLE(upgrade_fields);

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
