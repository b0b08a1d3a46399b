/* drover device why, drover rollout why: each thing that must hold, in the server's order, with the one that holds it back marked. The rows are
 * the server's: nothing here knows a single one of them. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/human.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "common/clock.h"

#define SCREEN_COLUMNS 80
#define NAME_COLUMNS 11   /* "quarantine" and a blank */
#define LEAD_COLUMNS 9    /* "> held   " */

static void held_name(const struct cJSON *answer, struct buffer *out)
{
    buffer_add_text(out, value_text(answer, "held_by"));
}

static const struct field none[] = {{"held by", "held_by", FIELD_TEXT}};
static const struct view why_view = {held_name, none, 1};

/* --- words in lines --- */

/* Prints words from `column` on, in further lines from `indent` on. text must be safe. */
static void words_print(FILE *out, const char *text, unsigned column, unsigned indent)
{
    while (*text) {
        unsigned length = (unsigned)strcspn(text, " ");
        if (column > indent && column + 1 + length > SCREEN_COLUMNS) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, length, out);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void line_print(FILE *out, const char *title, const struct buffer *raw)
{
    struct buffer safe;

    buffer_init(&safe, 0);
    safe_text_add(&safe, raw->bytes, raw->failed ? 0 : raw->length);
    if (safe.length) {
        unsigned lead = (unsigned)fprintf(out, "%-6s ", title);
        words_print(out, safe.bytes, lead, lead);
    }
    buffer_done(&safe);
}

static void text_print(FILE *out, const char *title, const char *text)
{
    struct buffer raw;

    buffer_init(&raw, 0);
    buffer_add_text(&raw, text);
    line_print(out, title, &raw);
    buffer_done(&raw);
}

/* --- the rows --- */

struct mark {
    const char *answer, *lead;
    enum tone tone;
};

static struct mark mark_of(const struct cJSON *row)
{
    static const struct mark marks[] = {{"holds", "  ok     ", TONE_GOOD}, {"refuses", "  no     ", TONE_WARN}, {"not_asked", "  -      ", TONE_DIM}};
    static const struct mark held = {"refuses", "> held   ", TONE_BAD};

    if (value_bool(row, "holder"))
        return held;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strcmp(value_text(row, "answer"), marks[i].answer) == 0)
            return marks[i];
    return marks[2];
}

/* "the rollout is paused; paused: operator; looked at in 3 min" */
static void row_words(const struct cJSON *row, int64_t now_ms, struct buffer *out)
{
    const char *refusal = value_text(row, "refusal"), *value = value_text(row, "value");
    int64_t next_ms = value_number(row, "next_ms", 0);

    buffer_add_format(out, "%s%s%s", refusal, refusal[0] && value[0] ? "; " : "", value);
    if (next_ms > 0) {
        buffer_add_format(out, "%slooked at ", out->length ? "; " : "");
        human_ago(out, next_ms, now_ms);
    }
}

static void row_print(struct cli *cli, const struct cJSON *row, int64_t now_ms)
{
    struct mark mark = mark_of(row);
    struct buffer raw, name, words;
    unsigned column = LEAD_COLUMNS;
    FILE *out = cli->output.stream;

    buffer_init(&raw, 0);
    buffer_init(&name, 0);
    buffer_init(&words, 0);
    row_words(row, now_ms, &raw);
    safe_text_add(&name, value_text(row, "name"), strlen(value_text(row, "name")));
    safe_text_add(&words, raw.bytes ? raw.bytes : "", raw.failed ? 0 : raw.length);
    tone_print(out, mark.tone, cli->output.color, mark.lead, LEAD_COLUMNS);
    column += (unsigned)fprintf(out, "%-*s", words.length ? NAME_COLUMNS : 0, name.length ? name.bytes : "?");
    words_print(out, words.length ? words.bytes : "", column, LEAD_COLUMNS + NAME_COLUMNS);
    cli->output.failed |= raw.failed || name.failed || words.failed;
    buffer_done(&words);
    buffer_done(&name);
    buffer_done(&raw);
}

static void rows_print(struct cli *cli, const struct cJSON *answer, int64_t now_ms)
{
    const struct cJSON *row;

    fputc('\n', cli->output.stream);
    cJSON_ArrayForEach(row, value_find(answer, "predicates"))
        row_print(cli, row, now_ms);
}

static void next_print(struct cli *cli, const struct cJSON *answer, const char *words, int64_t now_ms)
{
    int64_t next_ms = value_number(answer, "next_ms", 0);
    struct buffer text;

    buffer_init(&text, 0);
    buffer_add_text(&text, words);
    if (next_ms > 0) {
        buffer_add_format(&text, "%s", text.length ? " (" : "looked at ");
        human_ago(&text, next_ms, now_ms);
        buffer_add_format(&text, ", ");
        human_time(&text, next_ms);
        buffer_add_format(&text, "%s", words[0] ? ")" : "");
    }
    line_print(cli->output.stream, "next", &text);
    buffer_done(&text);
}

/* --- the commands --- */

static void device_why_print(struct cli *cli, const struct cJSON *answer, int64_t now_ms)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_add_format(&text, "%s, %s %s, %s, last heartbeat ", value_text(answer, "device_id"), value_text(answer, "model"),
                      value_text(answer, "version"), value_bool(answer, "online") ? "online" : "offline");
    human_ago(&text, value_number(answer, "seen_ms", 0), now_ms);
    line_print(cli->output.stream, "device", &text);
    buffer_done(&text);
    text_print(cli->output.stream, "now", value_text(answer, "now"));
    next_print(cli, answer, value_text(answer, "next"), now_ms);
    rows_print(cli, answer, now_ms);
}

static void rollout_why_print(struct cli *cli, const struct cJSON *answer, int64_t now_ms)
{
    const struct cJSON *gate;
    struct buffer text;

    buffer_init(&text, 0);
    buffer_add_format(&text, "%s, %s to %s, %s", value_text(answer, "id"), value_text(answer, "model"), value_text(answer, "version"),
                      value_text(answer, "state"));
    line_print(cli->output.stream, "rollout", &text);
    buffer_done(&text);
    text_print(cli->output.stream, "now", value_text(answer, "now"));
    next_print(cli, answer, value_text(answer, "moves"), now_ms);
    rows_print(cli, answer, now_ms);
    if (value_find(answer, "gates") && value_find(answer, "gates")->child)
        fputc('\n', cli->output.stream);
    cJSON_ArrayForEach(gate, value_find(answer, "gates"))
        text_print(cli->output.stream, "gate", value_text(gate, "text"));
}

static enum cli_exit why(struct cli *cli, const char *folder, void (*print)(struct cli *cli, const struct cJSON *answer, int64_t now_ms))
{
    struct api_answer answer;
    enum cli_exit code = cli_get_format(cli, &answer, "/api/v1/%s/%s/why", folder, cli_argument(cli, 0));

    if (!code && cli->output.format == OUTPUT_TABLE)
        print(cli, answer.json, clock_unix_ms());
    else if (!code)
        output_object(&cli->output, &why_view, answer.json, clock_unix_ms());
    api_answer_done(&answer);
    return code;
}

enum cli_exit cmd_device_why(struct cli *cli)
{
    return why(cli, "devices", device_why_print);
}

enum cli_exit cmd_rollout_why(struct cli *cli)
{
    return why(cli, "rollouts", rollout_why_print);
}
