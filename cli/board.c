/* See board.h. Made for 80 columns of plain ASCII; what it says in colours it says in words, too. */
#include "cli/board.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/fields.h"
#include "cli/human.h"
#include "cli/safe_text.h"
#include "cli/values.h"

#define BAR_COLUMNS 20
#define NAME_COLUMNS 14

/* --- lines --- */

static void line_add(struct progress_block *block, enum tone tone, const char *format, ...) PRINTF_LIKE(3, 4);
static void line_add(struct progress_block *block, enum tone tone, const char *format, ...)
{
    char raw[512];
    va_list args;
    struct buffer *line = progress_line(block, tone);

    if (!line)
        return;
    va_start(args, format);
    (void)vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    safe_text_add(line, raw, strlen(raw));
}

static void head_add(struct progress_block *block, const struct standing *standing, int64_t now_ms)
{
    const struct cJSON *rollout = standing->rollout;
    const char *state = value_text(rollout, "state"), *why = value_text(rollout, "why");
    int64_t since_ms = value_number(rollout, "stage_ms", 0);
    struct buffer since;

    buffer_init(&since, 0);
    if (standing->kind == STANDING_GOES_ON && standing->stage > 0 && since_ms > 0) {
        buffer_add_format(&since, ", stage %lld of %d for ", (long long)standing->stage, cJSON_GetArraySize(value_find(rollout, "stages")));
        human_duration(&since, now_ms - since_ms);
    }
    line_add(block, state_tone(state), "%s  %s to %s: %s%s", value_text(rollout, "id"), value_text(rollout, "model"), value_text(rollout, "version"), state,
             since.bytes && !since.failed ? since.bytes : "");
    if (why[0] && standing->kind != STANDING_GOES_ON)
        line_add(block, TONE_PLAIN, "why     %s", why);
    buffer_done(&since);
}

/* --- stages --- */

/* "#####xx--........": got it, did not, is under way, waits. Whatever there is of gets a column when there is room. */
static void bar_write(char *ret, int64_t good, int64_t bad, int64_t live, int64_t of)
{
    const struct {
        int64_t devices;
        char mark;
    } parts[] = {{good, '#'}, {bad, 'x'}, {live, '-'}};
    size_t at = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int64_t columns = of > 0 ? parts[i].devices * BAR_COLUMNS / of : 0;

        if (columns == 0 && parts[i].devices > 0)
            columns = 1;
        while (columns-- > 0 && at < BAR_COLUMNS)
            ret[at++] = parts[i].mark;
    }
    memset(ret + at, '.', BAR_COLUMNS - at);
    ret[BAR_COLUMNS] = '\0';
}

static bool has_members(const struct cJSON *object)
{
    return object && object->child;
}

/* About how many devices a stage will have taken at its end, from the plan and the model's devices; -1: it cannot be known, because a filter decides. */
static int64_t devices_expected(const struct standing *standing, int64_t number)
{
    const struct cJSON *stages = value_find(standing->rollout, "plan.stages"), *stage = cJSON_GetArrayItem(stages, (int)number - 1);
    int64_t count = value_number(stage, "count", 0), devices = value_number(standing->rollout, "devices", 0);
    const struct cJSON *percent = value_find(stage, "percent");
    double before = 0;

    if (has_members(value_find(stage, "filter")) || has_members(value_find(standing->rollout, "plan.target")) || value_text(stage, "per")[0])
        return -1;
    if (count > 0)
        return count < devices ? count : devices;
    for (int i = 0; i + 1 < (int)number; i++) {
        const struct cJSON *earlier = value_find(cJSON_GetArrayItem(stages, i), "percent");

        if (cJSON_IsNumber(earlier) && earlier->valuedouble > before)
            before = earlier->valuedouble;
    }
    return (int64_t)((double)devices * ((cJSON_IsNumber(percent) ? percent->valuedouble : 100) - before) / 100);
}

/* Of the stage that runs now: those who remain are counted, where it takes everybody. */
static int64_t devices_in(const struct standing *standing, int64_t number, const struct cJSON *counts)
{
    const struct cJSON *stage = cJSON_GetArrayItem(value_find(standing->rollout, "plan.stages"), (int)number - 1);
    int64_t opened = value_number(counts, "opened", 0), expected = devices_expected(standing, number);
    bool everybody = !value_find(stage, "percent") && !value_find(stage, "count");

    if (number < standing->stage || standing->kind == STANDING_PASSED)
        return opened;
    if (number == standing->stage && everybody && expected >= 0)
        expected = standing_ended(counts) + value_number(standing->rollout, "remaining", 0);
    return expected > opened ? expected : opened;
}

static void stage_add(struct progress_block *block, const struct standing *standing, int64_t number, const struct cJSON *counts)
{
    int64_t of = devices_in(standing, number, counts), ended = standing_ended(counts), good = value_number(counts, "states.succeeded", 0);
    int64_t live = value_number(counts, "in_flight", 0);
    bool passed = number < standing->stage || standing->kind == STANDING_PASSED, current = number == standing->stage && !passed;
    char bar[BAR_COLUMNS + 1], tail[80] = "";

    bar_write(bar, good, ended - good, live, of);
    if (ended > good)
        (void)snprintf(tail, sizeof tail, ", %lld not updated", (long long)(ended - good));
    if (live > 0)
        (void)snprintf(tail + strlen(tail), sizeof tail - strlen(tail), ", %lld under way", (long long)live);
    line_add(block, current ? TONE_BOLD : passed ? TONE_DIM : TONE_PLAIN, "%c %2lld %-*.*s [%s] %lld/%lld%s", passed ? '+' : current ? '>' : ' ',
             (long long)number, NAME_COLUMNS, NAME_COLUMNS, value_text(counts, "name"), bar, (long long)good, (long long)of, tail);
}

static void bars_add(struct progress_block *block, const struct standing *standing)
{
    const struct cJSON *stages = value_find(standing->rollout, "stages"), *stage;
    int64_t number = 0, devices = value_number(standing->rollout, "devices", 0), on_target = value_number(standing->rollout, "on_target", 0);
    char bar[BAR_COLUMNS + 1];

    cJSON_ArrayForEach(stage, stages)
        stage_add(block, standing, ++number, stage);
    if (number > 0)
        return;
    bar_write(bar, on_target, standing_left_behind(standing), value_number(standing->rollout, "in_flight", 0), devices);
    line_add(block, TONE_BOLD, "[%s] %lld of %lld on %s, %lld remaining", bar, (long long)on_target, (long long)devices, value_text(standing->rollout, "version"),
             (long long)value_number(standing->rollout, "remaining", 0));
}

/* --- rates --- */

/* Devices of the stage, or of all, that must still end. */
static int64_t devices_left(const struct standing *standing)
{
    const struct cJSON *stage = standing_stage(standing, standing->stage);

    if (!stage)
        return value_number(standing->rollout, "remaining", 0);
    return devices_in(standing, standing->stage, stage) - standing_ended(stage);
}

/* Until the devices that are known of have ended, and its soak time; of a rollout that does not go on nobody knows. */
static void eta_add(struct progress_block *block, const struct standing *standing, const struct rates_now *now)
{
    const struct cJSON *plan = cJSON_GetArrayItem(value_find(standing->rollout, "plan.stages"), (int)standing->stage - 1);
    double per_s = standing->stage > 0 ? now->stage_ended_per_s : now->ended_per_min / 60;
    int64_t left = devices_left(standing), soak_s = value_number(plan, "soak_s", 0);
    struct buffer eta;

    if (standing->kind != STANDING_GOES_ON || left <= 0 || per_s <= 0)
        return;
    buffer_init(&eta, 0);
    human_duration(&eta, (int64_t)((double)left * 1000 / per_s) + 1000 * soak_s);
    line_add(block, TONE_PLAIN, "eta     %s%s%s", eta.bytes && !eta.failed ? eta.bytes : "", standing->stage > 0 ? " for this stage" : "",
             soak_s > 0 ? ", its soak time included" : "");
    buffer_done(&eta);
}

static void rates_line_add(struct progress_block *block, const struct standing *standing, const struct rates *rates)
{
    struct rates_now now;

    if (!rates_read(rates, &now)) {
        line_add(block, TONE_PLAIN, "rates   measuring");
        return;
    }
    line_add(block, TONE_PLAIN, "rates   moves %.1f/s, taken %.0f/min, done %.0f/min", now.moves_per_s, now.taken_per_min, now.ended_per_min);
    eta_add(block, standing, &now);
}

/* --- gates and failures --- */

static enum tone gate_tone(const struct cJSON *gate)
{
    const char *state = value_text(gate, "state");

    if (strcmp(state, "broken") == 0)
        return TONE_BAD;
    return value_bool(gate, "doubt") ? TONE_WARN : strcmp(state, "held") == 0 ? TONE_GOOD : TONE_PLAIN;
}

static void gates_add(struct progress_block *block, const struct standing *standing)
{
    const struct cJSON *gate;
    const char *title = "gates", *now = value_text(standing->why, "now"), *refusal = value_text(standing->why, "refusal");

    if (standing->kind == STANDING_GOES_BACK || standing->kind == STANDING_BACK) /* what broke stands in its why; now they read the way back */
        return;
    cJSON_ArrayForEach(gate, value_find(standing->why, "gates")) {
        const char *text = value_text(gate, "text"), *state = value_text(gate, "state"), *end = strrchr(text, ':');

        /* its state stands at the end of the text, where a narrow terminal cuts */
        line_add(block, gate_tone(gate), "%-7s %-6s %.*s", title, state, (int)(end ? end - text : (ptrdiff_t)strlen(text)), text);
        title = "";
    }
    if (now[0])
        line_add(block, TONE_PLAIN, "now     %s", refusal[0] && standing->kind == STANDING_GOES_ON ? refusal : now);
}

static void failures_add(struct progress_block *block, const struct failures *failures, int64_t now_ms)
{
    const char *title = "failed";

    for (unsigned i = 0; i < failures->count; i++) {
        const struct failure *failure = &failures->items[i];
        struct buffer last;

        buffer_init(&last, 0);
        if (failure->last[0]) {
            buffer_add_format(&last, ", last %s ", failure->last);
            human_ago(&last, failure->last_ms, now_ms);
        }
        line_add(block, TONE_BAD, "%-7s %s %lld%s", title, failure->code, (long long)failure->devices, last.bytes && !last.failed ? last.bytes : "");
        buffer_done(&last);
        title = "";
    }
}

void board_fill(struct progress_block *block, const struct standing *standing, const struct rates *rates, const struct failures *failures, int64_t now_ms)
{
    progress_block_clear(block);
    head_add(block, standing, now_ms);
    bars_add(block, standing);
    rates_line_add(block, standing, rates);
    gates_add(block, standing);
    failures_add(block, failures, now_ms);
}
