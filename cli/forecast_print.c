/* See forecast_print.h: who is met, the stages as a table, what was assumed. */
#include "cli/forecast_print.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/safe_text.h"
#include "cli/values.h"
#include "common/clock.h"

static void stage_name(const struct cJSON *stage, struct buffer *out)
{
    buffer_add_text(out, value_text(stage, "name"));
}

static void forecast_name(const struct cJSON *forecast, struct buffer *out)
{
    buffer_add_format(out, "%s %s", value_text(forecast, "model"), value_text(forecast, "version"));
}

static const struct field facts[] = {
    {"model", "model", FIELD_TEXT},
    {"version", "version", FIELD_TEXT},
    {"its place is held by", "other_rollout", FIELD_TEXT},
    {"release is refused", "release_refused", FIELD_TEXT},
    {"devices", "devices", FIELD_NUMBER},
    {"looked at", "looked", FIELD_NUMBER},
    {"would be updated", "taken", FIELD_NUMBER},
    {"from versions", "versions", FIELD_COUNTS},
    {"on networks", "networks", FIELD_COUNTS},
    {"held back for now by", "held_now", FIELD_COUNTS},
    {"not updated, by", "not_taken", FIELD_COUNTS},
    {"begins", "begins_ms", FIELD_TIME},
    {"ends at the earliest", "ends_ms", FIELD_TIME},
    {"lasts at least", "duration_s", FIELD_SECONDS},
    {"time of an upgrade", "upgrade_s", FIELD_SECONDS},
};
static const struct view forecast_view = {forecast_name, facts, sizeof facts / sizeof facts[0]};

static const struct field stages[] = {
    {"STAGE", "stage", FIELD_NUMBER}, {"NAME", "name", FIELD_TEXT},       {"DEVICES", "devices", FIELD_NUMBER},
    {"ONLINE", "online", FIELD_NUMBER}, {"BEGINS", "begins_ms", FIELD_TIME}, {"LASTS", "duration_s", FIELD_SECONDS}, {"OPERATOR PROMOTES", "manual", FIELD_YES},
};
static const struct view stages_view = {stage_name, stages, sizeof stages / sizeof stages[0]};

/* Below the table: a stage that does not pass by itself. */
static void stage_note(struct cli *cli, const struct cJSON *stage)
{
    struct buffer safe;
    const char *note = value_text(stage, "note");

    if (!note[0])
        return;
    buffer_init(&safe, 0);
    safe_text_add(&safe, note, strlen(note));
    fprintf(cli->output.stream, "Stage %lld: %s\n", (long long)value_number(stage, "stage", 0), safe.length ? safe.bytes : "-");
    buffer_done(&safe);
}

static void sample_note(struct cli *cli, const struct cJSON *forecast)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(forecast, "error_pct");

    if (value_bool(forecast, "sample"))
        fprintf(cli->output.stream, "Only a random sample was looked at; counts are scaled, within %.2f %% of the devices (95 %%).\n",
                cJSON_IsNumber(error) ? error->valuedouble : 100.0);
}

static void assumed_print(struct cli *cli, const struct cJSON *forecast)
{
    const cJSON *item;

    fputs("Assumed:\n", cli->output.stream);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(forecast, "assumed")) {
        struct buffer safe;

        buffer_init(&safe, 0);
        if (cJSON_IsString(item))
            safe_text_add(&safe, item->valuestring, strlen(item->valuestring));
        fprintf(cli->output.stream, "  %s\n", safe.length ? safe.bytes : "-");
        buffer_done(&safe);
    }
}

void forecast_print(struct cli *cli, const struct cJSON *forecast)
{
    int64_t now_ms = clock_unix_ms();
    const cJSON *stage;

    output_object(&cli->output, &forecast_view, forecast, now_ms);
    if (cli->output.format != OUTPUT_TABLE)
        return;
    fputc('\n', cli->output.stream);
    output_begin(&cli->output, &stages_view);
    cJSON_ArrayForEach(stage, cJSON_GetObjectItemCaseSensitive(forecast, "stages"))
        output_item(&cli->output, stage, now_ms);
    output_end(&cli->output);
    fputc('\n', cli->output.stream);
    cJSON_ArrayForEach(stage, cJSON_GetObjectItemCaseSensitive(forecast, "stages"))
        stage_note(cli, stage);
    sample_note(cli, forecast);
    assumed_print(cli, forecast);
}
