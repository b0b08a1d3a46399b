/* The objects of the API: releases, devices, upgrades, rows of lists, events. Absent optional values are left out. */
#include <string.h>

#include "orchestrator/edges/api_inside.h"

static void put_text(struct json_writer *writer, const char *name, const char *value)
{
    json_put_text(writer, name, value[0] != '\0' ? value : NULL);
}

static void put_number(struct json_writer *writer, const char *name, int64_t value)
{
    if (value != ABSENT)
        json_put_i64(writer, name, value);
}

/* A time or a count that is 0 when there is none. */
static void put_some(struct json_writer *writer, const char *name, int64_t value)
{
    if (value != 0)
        json_put_i64(writer, name, value);
}

static void put_delta(struct json_writer *writer, const struct release_delta *delta)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "base_version", delta->base_version);
    json_put_text(writer, "state", release_delta_state_name(delta->state));
    put_text(writer, "sha256", delta->sha256);
    put_some(writer, "size", delta->size_bytes);
    put_text(writer, "why", delta->why);
    json_close_object(writer);
}

void api_put_release(struct json_writer *writer, const struct release *release)
{
    json_put_text(writer, "model", release->model);
    json_put_text(writer, "version", release->version);
    json_put_text(writer, "sha256", release->sha256);
    json_put_i64(writer, "size", release->size_bytes);
    json_put_i64(writer, "created_ms", release->created_ms);
    put_text(writer, "manifest_sha256", release->manifest_sha256);
    json_put_i64(writer, "release_counter", release->release_counter);
    put_text(writer, "min_version", release->min_version);
    put_text(writer, "hw_revs", release->hw_revs);
    put_some(writer, "expires_ms", release->expires_ms);
    json_put_bool(writer, "encrypted", release->encrypted);
    put_some(writer, "trust_version", release->trust_version);
    put_some(writer, "verified_ms", release->verified_ms);
    json_put_text(writer, "refused", release->refused[0] ? release->refused : release_flaw(release));
    json_open_array(writer, "deltas");
    for (unsigned i = 0; i < release->delta_count; i++)
        put_delta(writer, &release->deltas[i]);
    json_close_array(writer);
}

static const char *kind_name(enum device_kind kind)
{
    return kind == KIND_MANAGED ? "managed" : kind == KIND_SIMPLE ? "simple" : NULL;
}

void api_put_device(struct json_writer *writer, const struct device *device)
{
    const struct heartbeat *last = &device->last;
    const char slot[2] = {last->slot, '\0'};
    json_put_text(writer, "device_id", last->device_id);
    json_put_text(writer, "model", last->model);
    json_put_text(writer, "version", last->version);
    json_put_bool(writer, "online", device->online);
    json_put_text(writer, "status", last->status[0] != '\0' ? last->status : "idle");
    json_put_text(writer, "kind", kind_name(last->kind));
    json_put_i64(writer, "seen_ms", device->seen_ms);
    json_put_i64(writer, "first_seen_ms", device->first_seen_ms);
    put_text(writer, "boot_id", last->boot_id);
    put_number(writer, "uptime_s", last->uptime_s);
    if (last->uptime_s != ABSENT && device->seen_ms > 0)
        json_put_i64(writer, "booted_ms", device->seen_ms - last->uptime_s * 1000);
    put_number(writer, "seq", last->seq);
    put_text(writer, "hw_rev", last->hw_rev);
    put_text(writer, "slot", slot);
    put_text(writer, "network", last->network);
    put_number(writer, "rssi_dbm", last->rssi_dbm);
    put_number(writer, "battery_pct", last->battery_pct);
    put_text(writer, "priority", last->priority[0] ? last->priority : PRIORITY_USUAL);
    put_text(writer, "tags", last->tags);
    put_text(writer, "tz", last->tz);
    put_some(writer, "clash_ms", device->clash_ms);
    put_text(writer, "quarantine", device->quarantine);
    put_some(writer, "quarantine_ms", device->quarantine_ms);
    put_text(writer, "excluded", device->excluded);
}

void api_put_row(struct json_writer *writer, const struct device_row *row)
{
    api_put_device(writer, &row->device);
    json_put_text(writer, "state", upgrade_state_name(row->state));
    put_text(writer, "rollout", row->rollout);
    put_text(writer, "upgrade_id", row->upgrade_id);
    if (row->state != STATE_NONE)
        json_put_i64(writer, "attempt", row->attempt);
    put_text(writer, "from_version", row->from_version);
    put_text(writer, "target", row->target);
}

void api_put_upgrade(struct json_writer *writer, const struct upgrade *upgrade)
{
    json_put_text(writer, "device_id", upgrade->device_id);
    json_put_text(writer, "upgrade_id", upgrade->upgrade_id);
    json_put_text(writer, "rollout", upgrade->rollout);
    json_put_text(writer, "model", upgrade->model);
    json_put_text(writer, "from_version", upgrade->from_version);
    json_put_text(writer, "version", upgrade->version);
    put_text(writer, "via", upgrade->via);
    json_put_text(writer, "state", upgrade_state_name(upgrade->state));
    json_put_i64(writer, "attempt", upgrade->attempt);
    json_put_i64(writer, "revision", upgrade->revision);
    put_some(writer, "deadline_ms", upgrade->deadline_ms);
    json_put_i64(writer, "opened_ms", upgrade->opened_ms);
    json_put_i64(writer, "state_ms", upgrade->state_ms);
    put_some(writer, "attempt_ms", upgrade->attempt_ms);
    put_some(writer, "download_ms", upgrade->download_ms);
    json_put_i64(writer, "repeats", upgrade->repeats);
    json_put_i64(writer, "progress", upgrade->progress);
    json_put_i64(writer, "report_seq", upgrade->report_seq);
    put_text(writer, "error", error_code_name(upgrade->error));
    put_text(writer, "why", upgrade->why);
    put_text(writer, "note", upgrade->note);
    put_text(writer, "boot_before", upgrade->boot_before);
    put_some(writer, "strayed_ms", upgrade->strayed_ms);
    put_text(writer, "boot_id", upgrade->boot_id);
    json_put_i64(writer, "boots", upgrade->boots);
    put_some(writer, "rebooted_ms", upgrade->rebooted_ms);
    json_put_i64(writer, "confirmations", upgrade->confirmations);
    put_some(writer, "confirmed_ms", upgrade->confirmed_ms);
    json_put_i64(writer, "unhealthy", upgrade->unhealthy);
    if (upgrade->lost_from != STATE_NONE)
        json_put_text(writer, "lost_from", upgrade_state_name(upgrade->lost_from));
    json_put_bool(writer, "full_only", upgrade->full_only);
    json_put_bool(writer, "delta", upgrade->delta);
    put_text(writer, "last_event", upgrade->last_event);
}

void api_put_events(struct json_writer *writer, const struct event *const *events, size_t count)
{
    json_open_array(writer, "items");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_add_text(writer->buffer, ",");
        event_write(events[i], writer->buffer);   /* writes a whole object of its own */
    }
    json_close_array(writer);
}
