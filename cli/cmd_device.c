/* drover device list | show | history | rollback */
#include "cli/cmd.h"

#include <stdlib.h>

#include "cli/cli.h"
#include "cli/human.h"
#include "cli/list.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"

#define LIST_LIMIT 1000
#define HISTORY_LIMIT 50

enum cli_exit cmd_device_list(struct cli *cli)
{
    const struct list list = {
        .path = "/api/v1/devices",
        .view = &device_list_view,
        .query = {{"model", cli_text(cli, OPT_MODEL)},
                  {"state", cli_text(cli, OPT_STATE)},
                  {"version", cli_text(cli, OPT_VERSION)},
                  {"online", cli_given(cli, OPT_ONLINE) ? "true" : cli_given(cli, OPT_OFFLINE) ? "false" : NULL}},
        .paged = true,
        .limit = cli_number(cli, OPT_LIMIT, LIST_LIMIT),
    };

    return list_print(cli, &list);
}

static void line_print(struct cli *cli, const char *title, const struct buffer *raw)
{
    struct buffer safe;

    buffer_init(&safe, 0);
    safe_text_add(&safe, raw->bytes, raw->failed ? 0 : raw->length);
    if (safe.length)
        fprintf(cli->output.stream, "%s%s\n", title, safe.bytes);
    buffer_done(&safe);
}

/* "now" and "next" in the server's words, and when that will be. */
static void explain_print(struct cli *cli, const struct cJSON *answer, int64_t now_ms)
{
    int64_t next_ms = value_number(answer, "explain.next_ms", 0);
    const char *next = value_text(answer, "explain.next");
    struct buffer text;

    buffer_init(&text, 0);
    buffer_add_text(&text, value_text(answer, "explain.now"));
    line_print(cli, "now   ", &text);
    buffer_clear(&text);
    buffer_add_text(&text, next);
    if (next[0] && next_ms > 0) {
        buffer_add_text(&text, " (");
        human_ago(&text, next_ms, now_ms);
        buffer_add_text(&text, ", ");
        human_time(&text, next_ms);
        buffer_add_text(&text, ")");
    }
    line_print(cli, "next  ", &text);
    buffer_done(&text);
}

static void device_print(struct cli *cli, const struct cJSON *answer)
{
    struct output *output = &cli->output;
    const struct cJSON *device = value_find(answer, "device"), *upgrade = value_find(answer, "upgrade");
    int64_t now_ms = clock_unix_ms();

    if (output->format == OUTPUT_NAME) {
        output_object(output, &device_view, device, now_ms);
        return;
    }
    if (output->format != OUTPUT_TABLE) {
        output_object(output, &device_view, answer, now_ms);
        return;
    }
    explain_print(cli, answer, now_ms);
    fputc('\n', output->stream);
    output_object(output, &device_view, device, now_ms);
    if (upgrade) {
        fputc('\n', output->stream);
        output_object(output, &upgrade_view, upgrade, now_ms);
    }
}

enum cli_exit cmd_device_show(struct cli *cli)
{
    struct api_answer answer;
    enum cli_exit code = cli_get_format(cli, &answer, "/api/v1/devices/%s", cli_argument(cli, 0));

    if (!code)
        device_print(cli, answer.json);
    api_answer_done(&answer);
    return code;
}

enum cli_exit cmd_device_history(struct cli *cli)
{
    struct buffer path;
    enum cli_exit code;

    buffer_init(&path, 0);
    buffer_add_format(&path, "/api/v1/devices/%s/history", cli_argument(cli, 0));
    code = list_print(cli, &(struct list){.path = path.bytes, .view = &event_list_view, .paged = true,
                                          .limit = cli_number(cli, OPT_LIMIT, HISTORY_LIMIT)});
    buffer_done(&path);
    return code;
}

static void why_name(const struct cJSON *answer, struct buffer *out)
{
    buffer_add_text(out, value_text(answer, "why"));
}

enum cli_exit cmd_device_rollback(struct cli *cli)
{
    static const struct field fields[] = {{"why", "why", FIELD_TEXT}};
    static const struct view view = {why_name, fields, 1};
    struct api_answer answer;
    struct buffer path;
    enum cli_exit code;

    buffer_init(&path, 0);
    buffer_add_format(&path, "/api/v1/devices/%s/rollback", cli_argument(cli, 0));
    code = cli_post(cli, path.bytes, NULL, false, &answer);
    if (!code && cli->output.format == OUTPUT_NAME)
        fprintf(cli->output.stream, "%s\n", cli_argument(cli, 0));
    else if (!code)
        output_object(&cli->output, &view, answer.json, clock_unix_ms());
    api_answer_done(&answer);
    buffer_done(&path);
    return code;
}
