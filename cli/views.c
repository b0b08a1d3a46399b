/* One table of fields for each way something is shown; the paths are those of the API (docs/decisions/001). */
#include "cli/views.h"

#include "cli/values.h"

#define VIEW(view_name, name_function, fields_array) \
    const struct view view_name = {(name_function), (fields_array), sizeof(fields_array) / sizeof(fields_array)[0]}

/* Two words, as `release show` and `rollout start` take them. */
static void release_name(const struct cJSON *release, struct buffer *out)
{
    buffer_add_format(out, "%s %s", value_text(release, "model"), value_text(release, "version"));
}

static void id_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "id"));
}

static void delta_name(const struct cJSON *delta, struct buffer *out)
{
    buffer_add_text(out, value_text(delta, "base_version"));
}

static void model_name(const struct cJSON *model, struct buffer *out)
{
    buffer_add_text(out, value_text(model, "model"));
}

static void device_name(const struct cJSON *device, struct buffer *out)
{
    buffer_add_text(out, value_text(device, "device_id"));
}

static const struct field release_list[] = {
    {"MODEL", "model", FIELD_TEXT},          {"VERSION", "version", FIELD_TEXT}, {"SIZE", "size", FIELD_BYTES},
    {"DELTAS", "deltas", FIELD_ITEMS},       {"CREATED", "created_ms", FIELD_AGO}, {"SHA-256", "sha256", FIELD_TEXT},
};
VIEW(release_list_view, release_name, release_list);

static const struct field release_facts[] = {
    {"model", "model", FIELD_TEXT},        {"version", "version", FIELD_TEXT}, {"size", "size", FIELD_BYTES},
    {"created", "created_ms", FIELD_TIME}, {"release counter", "release_counter", FIELD_NUMBER},
    {"min version", "min_version", FIELD_TEXT}, {"hardware", "hw_revs", FIELD_LIST}, {"expires", "expires_ms", FIELD_TIME},
    {"manifest", "manifest_sha256", FIELD_TEXT}, {"sha256", "sha256", FIELD_TEXT}, {"encrypted", "encrypted", FIELD_YES},
    {"trust document", "trust_version", FIELD_NUMBER}, {"refused", "refused", FIELD_TEXT},
};
VIEW(release_view, release_name, release_facts);

static const struct field delta_list[] = {
    {"DELTA FROM", "base_version", FIELD_TEXT}, {"STATE", "state", FIELD_TEXT}, {"SIZE", "size", FIELD_BYTES},
    {"SHA-256", "sha256", FIELD_TEXT},          {"WHY", "why", FIELD_TEXT},
};
VIEW(delta_list_view, delta_name, delta_list);

static const struct field rollout_list[] = {
    {"ROLLOUT", "id", FIELD_TEXT},
    {"MODEL", "model", FIELD_TEXT},
    {"VERSION", "version", FIELD_TEXT},
    {"STATE", "state", FIELD_STATE},
    {"DEVICES", "devices", FIELD_NUMBER},
    {"ON TARGET", "on_target", FIELD_NUMBER},
    {"REMAINING", "remaining", FIELD_NUMBER},
    {"FAILED", "states.failed", FIELD_COUNT},
    {"ROLLED BACK", "states.rolled_back", FIELD_COUNT},
    {"LOST", "states.lost", FIELD_COUNT},
    {"CREATED", "created_ms", FIELD_AGO},
};
VIEW(rollout_list_view, id_name, rollout_list);

static const struct field rollout_facts[] = {
    {"rollout", "id", FIELD_TEXT},
    {"model", "model", FIELD_TEXT},
    {"version", "version", FIELD_TEXT},
    {"state", "state", FIELD_STATE},
    {"why", "why", FIELD_TEXT},
    {"created", "created_ms", FIELD_TIME},
    {"devices", "devices", FIELD_NUMBER},
    {"on target", "on_target", FIELD_NUMBER},
    {"remaining", "remaining", FIELD_NUMBER},
    {"settled", "settled", FIELD_YES},
    {"upgrades", "states", FIELD_COUNTS},
    {"errors", "errors", FIELD_COUNTS},
    {"opened", "opened", FIELD_NUMBER},
    {"retried", "retried", FIELD_NUMBER},
    {"in flight", "in_flight", FIELD_NUMBER},
    {"share", "share_pct", FIELD_PERCENT},
    {"max in flight", "max_in_flight", FIELD_NUMBER},
    {"max attempts", "max_attempts", FIELD_NUMBER},
    {"error budget", "error_budget_pct", FIELD_PERCENT},
    {"confirmations", "confirmations", FIELD_NUMBER},
    {"soak", "soak_ms", FIELD_DURATION},
    {"spread", "spread_s", FIELD_SECONDS},
};
VIEW(rollout_view, id_name, rollout_facts);

static void stage_name(const struct cJSON *stage, struct buffer *out)
{
    buffer_add_text(out, value_text(stage, "name"));
}

static const struct field stage_list[] = {
    {"STAGE", "stage", FIELD_NUMBER}, {"NAME", "name", FIELD_TEXT}, {"TAKEN", "opened", FIELD_NUMBER}, {"UNDER WAY", "in_flight", FIELD_NUMBER},
    {"UPDATED", "states.succeeded", FIELD_NUMBER}, {"NOT", "failed", FIELD_COUNT},
};
VIEW(stage_list_view, stage_name, stage_list);

static const struct field device_list[] = {
    {"DEVICE", "device_id", FIELD_TEXT},  {"MODEL", "model", FIELD_TEXT},     {"VERSION", "version", FIELD_TEXT},
    {"LINK", "online", FIELD_ONLINE},     {"STATUS", "status", FIELD_TEXT},   {"SEEN", "seen_ms", FIELD_AGO},
    {"UPGRADE", "state", FIELD_STATE},    {"ATTEMPT", "attempt", FIELD_NUMBER}, {"TARGET", "target", FIELD_TEXT},
    {"ROLLOUT", "rollout", FIELD_TEXT},
};
VIEW(device_list_view, device_name, device_list);

static const struct field exclusion_list[] = {{"DEVICE", "device_id", FIELD_TEXT}, {"SINCE", "at_ms", FIELD_TIME}, {"WHY", "why", FIELD_TEXT}};
VIEW(exclusion_list_view, device_name, exclusion_list);

static const struct field device_facts[] = {
    {"device", "device_id", FIELD_TEXT},      {"model", "model", FIELD_TEXT},
    {"version", "version", FIELD_TEXT},       {"link", "online", FIELD_ONLINE},
    {"status", "status", FIELD_TEXT},         {"kind", "kind", FIELD_TEXT},
    {"last heartbeat", "seen_ms", FIELD_AGO}, {"first seen", "first_seen_ms", FIELD_TIME},
    {"booted", "booted_ms", FIELD_AGO},       {"boot id", "boot_id", FIELD_TEXT},
    {"slot", "slot", FIELD_TEXT},             {"hardware", "hw_rev", FIELD_TEXT},
    {"network", "network", FIELD_TEXT},       {"signal dBm", "rssi_dbm", FIELD_NUMBER},
    {"battery", "battery_pct", FIELD_PERCENT}, {"priority", "priority", FIELD_TEXT},
    {"tags", "tags", FIELD_TEXT},             {"time zone", "tz", FIELD_TEXT},
    {"identity clash", "clash_ms", FIELD_TIME},
};
VIEW(device_view, device_name, device_facts);

static const struct field upgrade_facts[] = {
    {"upgrade", "upgrade_id", FIELD_TEXT},       {"rollout", "rollout", FIELD_TEXT},
    {"from", "from_version", FIELD_TEXT},        {"to", "version", FIELD_TEXT},
    {"via", "via", FIELD_TEXT},
    {"state", "state", FIELD_STATE},             {"since", "state_ms", FIELD_AGO},
    {"why", "why", FIELD_TEXT},                  {"attempt", "attempt", FIELD_NUMBER},
    {"progress", "progress", FIELD_PERCENT},     {"confirmations", "confirmations", FIELD_NUMBER},
    {"last error", "error", FIELD_TEXT},         {"device's words", "note", FIELD_TEXT},
    {"deadline", "deadline_ms", FIELD_AGO},      {"opened", "opened_ms", FIELD_TIME},
};
VIEW(upgrade_view, id_name, upgrade_facts);

static const struct field event_list[] = {
    {"TIME", "at_ms", FIELD_TIME},       {"KIND", "kind", FIELD_TEXT},   {"ROLLOUT", "rollout", FIELD_TEXT},
    {"DEVICE", "device", FIELD_TEXT},    {"FROM", "from", FIELD_STATE},  {"TO", "to", FIELD_STATE},
    {"ATTEMPT", "attempt", FIELD_NUMBER}, {"ERROR", "error", FIELD_TEXT}, {"WHY", "why", FIELD_TEXT},
};
VIEW(event_list_view, id_name, event_list);

static void seal_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_format(out, "%lld:%s", (long long)value_number(object, "seal.n", 0), value_text(object, "seal.sha256"));
    if (value_number(object, "audit.seal.n", 0) > 0)
        buffer_add_format(out, "+%lld:%s", (long long)value_number(object, "audit.seal.n", 0), value_text(object, "audit.seal.sha256"));
}

static const struct field verification_facts[] = {
    {"as it was sealed", "ok", FIELD_YES},
    {"first event checked", "from", FIELD_TEXT},
    {"last event checked", "to", FIELD_TEXT},
    {"events checked", "entries", FIELD_NUMBER},
    {"blocks checked", "blocks", FIELD_NUMBER},
    {"blocks trimmed", "trimmed_blocks", FIELD_NUMBER},
    {"of a trimmed block", "partial", FIELD_NUMBER},
    {"older than all seals", "before", FIELD_NUMBER},
    {"not sealed yet", "unsealed", FIELD_NUMBER},
    {"gone before sealed", "missed", FIELD_COUNT},
    {"newest seal", "seal.n", FIELD_NUMBER},
    {"its digest", "seal.sha256", FIELD_TEXT},
    {"audit checked too", "audit_checked", FIELD_YES},
    {"its entries checked", "audit.entries", FIELD_NUMBER},
    {"its blocks checked", "audit.blocks", FIELD_NUMBER},
    {"its blocks trimmed", "audit.trimmed_blocks", FIELD_NUMBER},
    {"of it not sealed yet", "audit.unsealed", FIELD_NUMBER},
    {"of it gone unsealed", "audit.missed", FIELD_COUNT},
    {"its newest seal", "audit.seal.n", FIELD_NUMBER},
    {"that one's digest", "audit.seal.sha256", FIELD_TEXT},
};
VIEW(verification_view, seal_name, verification_facts);

static const struct field model_list[] = {
    {"MODEL", "model", FIELD_TEXT}, {"DEVICES", "devices", FIELD_NUMBER}, {"ONLINE", "online", FIELD_NUMBER},
    {"VERSIONS", "versions", FIELD_COUNTS}, {"UPGRADES", "states", FIELD_COUNTS},
};
VIEW(model_list_view, model_name, model_list);
