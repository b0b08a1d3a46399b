/* drover status | version: how the server is; what this program is. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json_print.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"

#define NAME_COLUMNS 16 /* of "rollouts running", the longest name above what the server adds */

static void instance_name(const struct cJSON *status, struct buffer *out)
{
    buffer_add_text(out, value_text(status, "instance"));
}

static const struct field status_facts[] = {
    {"instance", "instance", FIELD_TEXT},        {"version", "version", FIELD_TEXT},
    {"ready", "ready", FIELD_YES},               {"up", "uptime_s", FIELD_SECONDS},
    {"all stopped", "stopped", FIELD_YES},
    {"devices", "fleet.devices", FIELD_NUMBER},  {"online", "fleet.online", FIELD_NUMBER},
    {"rollouts running", "rollouts_running", FIELD_NUMBER}, {"lag", "lag_ms", FIELD_DURATION},
};
static const struct view status_view = {instance_name, status_facts, sizeof status_facts / sizeof status_facts[0]};

/* Members shown above or below; everything else a server says of itself is shown as it is. */
static bool is_shown_elsewhere(const char *name)
{
    if (strcmp(name, "models") == 0 || strcmp(name, "fleet") == 0)
        return true;
    for (unsigned i = 0; i < status_view.count; i++)
        if (strcmp(status_facts[i].path, name) == 0)
            return true;
    return false;
}

static void other_print(struct cli *cli, const char *group, const struct cJSON *value)
{
    struct buffer raw, safe;

    buffer_init(&raw, 0);
    buffer_init(&safe, 0);
    buffer_add_format(&raw, "%s%s%-*s  ", group, group[0] ? "." : "", NAME_COLUMNS - (int)strlen(group) - (group[0] != 0), value->string);
    if (cJSON_IsString(value))
        buffer_add_text(&raw, value->valuestring);
    else
        json_print(&raw, value, -1);
    safe_text_add(&safe, raw.bytes, raw.failed ? 0 : raw.length);
    fprintf(cli->output.stream, "%s\n", safe.bytes ? safe.bytes : "");
    buffer_done(&safe);
    buffer_done(&raw);
}

static void others_print(struct cli *cli, const struct cJSON *status)
{
    const struct cJSON *member, *inner;

    cJSON_ArrayForEach(member, status) {
        if (is_shown_elsewhere(member->string))
            continue;
        if (!cJSON_IsObject(member)) {
            other_print(cli, "", member);
            continue;
        }
        cJSON_ArrayForEach(inner, member)
            other_print(cli, member->string, inner);
    }
}

static void status_print(struct cli *cli, const struct cJSON *status)
{
    const struct cJSON *model, *models = value_find(status, "models");
    int64_t now_ms = clock_unix_ms();

    output_object(&cli->output, &status_view, status, now_ms);
    if (cli->output.format != OUTPUT_TABLE)
        return;
    others_print(cli, status);
    if (cJSON_GetArraySize(models) == 0)
        return;
    fputc('\n', cli->output.stream);
    output_begin(&cli->output, &model_list_view);
    cJSON_ArrayForEach(model, models)
        output_item(&cli->output, model, now_ms);
    output_end(&cli->output);
}

enum cli_exit cmd_status(struct cli *cli)
{
    struct api_answer answer;
    enum cli_exit code = cli_get(cli, "/api/v1/status", &answer);

    if (!code) {
        status_print(cli, answer.json);
        if (!value_bool(answer.json, "ready"))
            code = cli_fail(cli, CLI_UNAVAILABLE, "the server is not ready");
    }
    api_answer_done(&answer);
    return code;
}

enum cli_exit cmd_version(struct cli *cli)
{
    bool json = cli->output.format == OUTPUT_JSON || cli->output.format == OUTPUT_JSONL;

    fputs(json ? "{\"version\":\"" DROVER_VERSION "\"}\n" : cli->output.format == OUTPUT_NAME ? DROVER_VERSION "\n" : "drover " DROVER_VERSION "\n",
          cli->output.stream);
    return CLI_OK;
}
