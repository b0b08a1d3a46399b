/* The members of a plan, object by object, in the order in which they are written. */
#include "proto/plan_table.h"

#include <string.h>

#include "common/text.h"

#define DAY_S 86400
#define DEVICES_MAX 10000000
#define MILLION 1000000

#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT_AT(type, member) AT(type, member), .size = sizeof(((struct type *)0)->member)
#define OBJECT(name, check_) \
    static const struct plan_object name##_object = {name##_members, sizeof name##_members / sizeof name##_members[0], check_}

const char *const plan_days[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static const char *measure_name(int value)
{
    return gate_measure_name((enum gate_measure)value);
}

static const char *outcome_name(int value)
{
    return gate_outcome_name((enum gate_outcome)value);
}

static const char *use_name(int value)
{
    static const char *const names[] = {[WINDOW_BOTH] = "both", [WINDOW_DOWNLOAD] = "download", [WINDOW_INSTALL] = "install"};
    return names[value];
}

#define FOR(measure) (1U << GATE_##measure)
#define HAS_MAX_PCT (FOR(FAILURE_RATE) | FOR(LOST_RATE) | FOR(HEARTBEAT_LOSS) | FOR(UNHEALTHY))

static const struct plan_member gate_members[] = {
    {"measure", PLAN_CHOICE, AT(plan_gate, measure), .required = true, .fallback = GATE_MEASURE_COUNT, .max = GATE_MEASURE_COUNT - 1, .name_of = measure_name},
    {"error", PLAN_ERROR, AT(plan_gate, error), .measures = FOR(FAILURE_RATE)},
    {"max_pct", PLAN_SCALED, AT(plan_gate, limit), .required = true, .max = MILLION, .decimals = 4, .measures = HAS_MAX_PCT},
    {"min_pct", PLAN_SCALED, AT(plan_gate, limit), .required = true, .max = MILLION, .decimals = 4, .measures = FOR(SUCCESS_RATE)},
    {"max_times", PLAN_SCALED, AT(plan_gate, limit), .required = true, .min = 1, .max = MILLION, .decimals = 3, .measures = FOR(REBOOTS)},
    {"min_sample", PLAN_INTEGER, AT(plan_gate, min_sample), .min = 1, .max = DEVICES_MAX, .fallback = 20},
    {"confidence_pct", PLAN_INTEGER, AT(plan_gate, confidence_pct), .min = 80, .max = 99, .fallback = 95},
    {"then", PLAN_CHOICE, AT(plan_gate, then), .max = GATE_OUTCOME_COUNT - 1, .name_of = outcome_name},
};
OBJECT(gate, plan_check_gate);

static const struct plan_member filter_members[] = {
    {"tags_any", PLAN_WORDS, AT(plan_filter, tags_any), .form = PLAN_FORM_ID, .size = ID_SIZE, .min = 1},
    {"tags_all", PLAN_WORDS, AT(plan_filter, tags_all), .form = PLAN_FORM_ID, .size = ID_SIZE, .min = 1},
    {"tags_none", PLAN_WORDS, AT(plan_filter, tags_none), .form = PLAN_FORM_ID, .size = ID_SIZE, .min = 1},
    {"hw_revs", PLAN_WORDS, AT(plan_filter, hw_revs), .form = PLAN_FORM_WORD, .size = WORD_SIZE, .min = 1},
    {"min_version", PLAN_VERSION, TEXT_AT(plan_filter, min_version)},
    {"max_version", PLAN_VERSION, TEXT_AT(plan_filter, max_version)},
    {"devices", PLAN_IDS, .offset = 0, .min = 1, .most = PLAN_IDS_MAX},
};
OBJECT(filter, plan_check_filter);

static const struct plan_member stage_members[] = {
    {"name", PLAN_TEXT, TEXT_AT(plan_stage, name), .form = PLAN_FORM_ID},
    {"percent", PLAN_SCALED, AT(plan_stage, percent_x100), .some = true, .min = 1, .max = 10000, .decimals = 2},
    {"count", PLAN_INTEGER, AT(plan_stage, count), .some = true, .min = 1, .max = DEVICES_MAX},
    {"per", PLAN_TEXT, TEXT_AT(plan_stage, per), .form = PLAN_FORM_PER},
    {"filter", PLAN_OBJECT, AT(plan_stage, filter), .object = &filter_object},
    {"soak_s", PLAN_INTEGER, AT(plan_stage, soak_s), .max = 90 * DAY_S},
    {"settled_pct", PLAN_INTEGER, AT(plan_stage, settled_pct), .max = 100, .fallback = 100},
    {"promote", PLAN_MANUAL, AT(plan_stage, manual)},
    {"gates", PLAN_LIST, AT(plan_stage, gates), .object = &gate_object, .size = sizeof(struct plan_gate),
     .count_offset = offsetof(struct plan_stage, gate_count), .most = PLAN_GATES_MAX},
};
const struct plan_object plan_stage_object = {stage_members, sizeof stage_members / sizeof stage_members[0], plan_check_stage};

static const struct plan_member limits_members[] = {
    {"max_in_flight", PLAN_INTEGER, AT(plan_limits, max_in_flight), .min = 1, .max = DEVICES_MAX, .fallback = 1000},
    {"per_minute", PLAN_INTEGER, AT(plan_limits, per_minute), .max = DEVICES_MAX},
    {"growth_pct", PLAN_INTEGER, AT(plan_limits, growth_pct), .max = 1000},
    {"per_minute_max", PLAN_INTEGER, AT(plan_limits, per_minute_max), .max = DEVICES_MAX},
    {"bytes_in_flight", PLAN_INTEGER, AT(plan_limits, bytes_in_flight), .max = INT64_C(1) << 50},
    {"per_site", PLAN_INTEGER, AT(plan_limits, per_site), .max = DEVICES_MAX},
    {"site_tag", PLAN_TEXT, TEXT_AT(plan_limits, site_tag), .form = PLAN_FORM_ID, .text = "site-"},
};
OBJECT(limits, plan_check_limits);

static const struct plan_member conditions_members[] = {
    {"networks", PLAN_WORDS, AT(plan_conditions, networks), .form = PLAN_FORM_WORD, .size = WORD_SIZE, .min = 1},
    {"min_battery_pct", PLAN_INTEGER, AT(plan_conditions, min_battery_pct), .max = 100},
    {"idle", PLAN_BOOL, AT(plan_conditions, idle)},
};
OBJECT(conditions, NULL);

static const struct plan_member window_members[] = {
    {"use", PLAN_CHOICE, AT(plan_window, use), .max = WINDOW_INSTALL, .name_of = use_name},
    {"days", PLAN_DAYS, AT(plan_window, days), .fallback = 0x7F},
    {"from", PLAN_CLOCK, AT(plan_window, from_min), .required = true, .max = 1439},
    {"to", PLAN_CLOCK, AT(plan_window, to_min), .required = true, .min = 1, .max = 1440},
};
OBJECT(window, plan_check_window);

static const struct plan_member windows_members[] = {
    {"time_zone", PLAN_TEXT, TEXT_AT(plan_windows, time_zone), .form = PLAN_FORM_ZONE, .text = "UTC"},
    {"weekly", PLAN_LIST, AT(plan_windows, windows), .object = &window_object, .size = sizeof(struct plan_window),
     .count_offset = offsetof(struct plan_windows, count), .most = PLAN_WINDOWS_MAX},
};
OBJECT(windows, NULL);

static const struct plan_member retry_members[] = {
    {"max_attempts", PLAN_INTEGER, AT(plan_retry, max_attempts), .min = 1, .max = 1000, .fallback = 3},
    {"base_s", PLAN_INTEGER, AT(plan_retry, base_s), .max = 7 * DAY_S},
    {"cap_s", PLAN_INTEGER, AT(plan_retry, cap_s), .max = 30 * DAY_S},
};
OBJECT(retry, plan_check_retry);

static const struct plan_member rollback_members[] = {
    {"permit", PLAN_TEXT, TEXT_AT(plan_rollback, permit), .form = PLAN_FORM_PERMIT},
    {"automatic", PLAN_BOOL, AT(plan_rollback, automatic), .fallback = true},
};
OBJECT(rollback, NULL);

static const struct plan_member weight_members[] = {
    {"priority", PLAN_TEXT, TEXT_AT(plan_weight, priority), .form = PLAN_FORM_WORD},
    {"networks", PLAN_WORDS, AT(plan_weight, networks), .form = PLAN_FORM_WORD, .size = WORD_SIZE, .min = 1},
    {"weight", PLAN_INTEGER, AT(plan_weight, weight), .required = true, .max = 100},
};
OBJECT(weight, NULL);

static const struct plan_member priority_members[] = {
    {"weights", PLAN_LIST, AT(plan_priority, weights), .object = &weight_object, .size = sizeof(struct plan_weight),
     .count_offset = offsetof(struct plan_priority, count), .most = PLAN_WEIGHTS_MAX},
    {"ageing_s", PLAN_INTEGER, AT(plan_priority, ageing_s), .max = DAY_S, .fallback = 10},
};
OBJECT(priority, NULL);

static const struct plan_member plan_members[] = {
    {"schema", PLAN_SCHEMA, .offset = 0, .required = true},
    {"id", PLAN_TEXT, TEXT_AT(plan, id), .form = PLAN_FORM_ID},
    {"model", PLAN_TEXT, TEXT_AT(plan, model), .form = PLAN_FORM_ID, .required = true},
    {"version", PLAN_VERSION, TEXT_AT(plan, version), .required = true},
    {"description", PLAN_TEXT, TEXT_AT(plan, text), .form = PLAN_FORM_PLAIN},
    {"target", PLAN_OBJECT, AT(plan, target), .object = &filter_object},
    {"gates", PLAN_LIST, AT(plan_draft, gates), .read_only = true, .object = &gate_object, .size = sizeof(struct plan_gate),
     .count_offset = offsetof(struct plan_draft, gate_count), .most = PLAN_GATES_MAX},
    {"stages", PLAN_LIST, AT(plan, stages), .object = &plan_stage_object, .size = sizeof(struct plan_stage),
     .count_offset = offsetof(struct plan, stage_count), .min = 1, .most = PLAN_STAGES_MAX},
    {"limits", PLAN_OBJECT, AT(plan, limits), .object = &limits_object},
    {"conditions", PLAN_OBJECT, AT(plan, conditions), .object = &conditions_object},
    {"windows", PLAN_OBJECT, AT(plan, windows), .object = &windows_object},
    {"retry", PLAN_OBJECT, AT(plan, retry), .object = &retry_object},
    {"rollback", PLAN_OBJECT, AT(plan, rollback), .object = &rollback_object},
    {"priority", PLAN_OBJECT, AT(plan, priority), .object = &priority_object},
    {"stepping_stones", PLAN_VERSIONS, AT(plan, steps), .count_offset = offsetof(struct plan, step_count), .most = PLAN_STEPS_MAX},
    {"start", PLAN_MOMENT, AT(plan, start_ms)},
    {"approvals", PLAN_INTEGER, AT(plan, approvals), .max = 2},
    {"supersede", PLAN_BOOL, AT(plan, supersede)},
    {"confirmations", PLAN_INTEGER, AT(plan, confirmations), .min = 1, .max = 1000, .fallback = 2},
    {"soak_ms", PLAN_INTEGER, AT(plan, soak_ms), .max = INT64_C(30) * DAY_S * 1000},
    {"spread_s", PLAN_INTEGER, AT(plan, spread_s), .max = 7 * DAY_S, .fallback = 60},
};
const struct plan_object plan_object = {plan_members, sizeof plan_members / sizeof plan_members[0], plan_check_whole};

bool plan_member_applies(const struct plan_member *member, const void *object)
{
    const struct plan_gate *gate = object;
    return !member->measures || (member->measures >> gate->measure & 1);
}

/* --- forms of texts --- */

static bool is_id(const char *text)
{
    return text_is_id(text, strlen(text));
}

static bool is_word(const char *text)
{
    return text_is_word(text, strlen(text));
}

static bool is_plain(const char *text)
{
    return text_is_plain(text, strlen(text));
}

static bool is_per(const char *text)
{
    return strcmp(text, "hw_rev") == 0 || (strncmp(text, "tag:", 4) == 0 && is_id(text + 4));
}

/* A JWS: base64url and dots, or JSON. What it is worth, whoever uses it proves. */
static bool is_permit(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

bool plan_form_fits(enum plan_form form, const char *text, const char **ret_needed)
{
    static const struct {
        bool (*fits)(const char *text);
        const char *needed;
    } forms[PLAN_FORM_COUNT] = {
        [PLAN_FORM_ID] = {is_id, "an id: letters, digits, '.', '_', '-', the first a letter or digit"},
        [PLAN_FORM_WORD] = {is_word, "a word of letters, digits, '.', '_', '+', '-'"},
        [PLAN_FORM_PLAIN] = {is_plain, "text without control characters"},
        [PLAN_FORM_ZONE] = {time_zone_name_fits, "an IANA time zone such as Europe/Berlin"},
        [PLAN_FORM_PER] = {is_per, "hw_rev or tag:<beginning of a tag>"},
        [PLAN_FORM_PERMIT] = {is_permit, "a permit (printable ASCII)"},
    };
    *ret_needed = forms[form].needed;
    return forms[form].fits(text);
}
