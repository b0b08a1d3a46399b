/* A list is printed as it comes, page by page, in every format but table, which needs its widths first. */
#include "cli/output.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "cli/json_print.h"
#include "cli/safe_text.h"

void output_init(struct output *output, FILE *stream, enum output_format format, bool color)
{
    *output = (struct output){.stream = stream, .format = format, .color = color};
}

static bool table_begin(struct output *output, const struct view *view)
{
    output->columns = calloc(view->count, sizeof *output->columns);
    if (!output->columns)
        return false;
    for (unsigned i = 0; i < view->count; i++)
        output->columns[i] = (struct column){view->fields[i].title, field_is_number(view->fields[i].kind)};
    output->table = table_new(output->columns, view->count);
    return output->table != NULL;
}

void output_begin(struct output *output, const struct view *view)
{
    output->view = view;
    output->count = 0;
    if (output->format == OUTPUT_TABLE)
        output->failed |= !table_begin(output, view);
    else if (output->format == OUTPUT_JSON)
        fputs("{\n  \"items\": [", output->stream);
}

void output_begin_once(struct output *output, const struct view *view)
{
    if (!output->view)
        output_begin(output, view);
}

static void row_add(struct output *output, const struct cJSON *item, int64_t now_ms)
{
    struct buffer cell;

    buffer_init(&cell, 0);
    for (unsigned i = 0; output->table && i < output->view->count; i++) {
        enum tone tone;

        buffer_clear(&cell);
        tone = field_format(&output->view->fields[i], item, now_ms, &cell);
        table_cell(output->table, cell.failed || !cell.bytes ? "" : cell.bytes, tone);
        output->failed |= cell.failed;
    }
    buffer_done(&cell);
}

/* The JSON or the name of one thing. */
static void text_print(struct output *output, const struct view *view, const struct cJSON *object, int indent)
{
    struct buffer text, safe;

    buffer_init(&text, 0);
    buffer_init(&safe, 0);
    if (output->format == OUTPUT_NAME) {
        view->name(object, &safe);
        safe_text_add(&text, safe.bytes, safe.length);
    } else {
        json_print(&text, object, indent);
    }
    output->failed |= text.failed || safe.failed;
    if (!output->failed)
        fwrite(text.bytes, 1, text.length, output->stream);
    buffer_done(&safe);
    buffer_done(&text);
}

void output_item(struct output *output, const struct cJSON *item, int64_t now_ms)
{
    bool first = output->count++ == 0;

    if (output->format == OUTPUT_TABLE) {
        row_add(output, item, now_ms);
        return;
    }
    if (output->format == OUTPUT_JSON)
        fputs(first ? "\n    " : ",\n    ", output->stream);
    text_print(output, output->view, item, output->format == OUTPUT_JSON ? 2 : -1);
    if (output->format != OUTPUT_JSON)
        fputc('\n', output->stream);
}

void output_show(struct output *output)
{
    if (output->table)
        output->failed |= !table_print(output->table, output->stream, output->color);
    (void)fflush(output->stream);
}

void output_end(struct output *output)
{
    if (!output->view)
        return;
    if (output->format == OUTPUT_JSON)
        fputs(output->count ? "\n  ]\n}\n" : "]\n}\n", output->stream);
    output_show(output);
    table_free(output->table);
    free(output->columns);
    output->view = NULL;
    output->table = NULL;
    output->columns = NULL;
}

void output_object(struct output *output, const struct view *view, const struct cJSON *object, int64_t now_ms)
{
    if (output->format == OUTPUT_TABLE) {
        facts_print(view->fields, view->count, object, now_ms, output->stream, output->color);
        return;
    }
    text_print(output, view, object, output->format == OUTPUT_JSON ? 0 : -1);
    fputc('\n', output->stream);
}

void output_object_and_list(struct output *output, const struct view *view, const struct cJSON *object, const struct view *item_view, const struct cJSON *items, int64_t now_ms)
{
    const struct cJSON *item;

    output_object(output, view, object, now_ms);
    if (output->format != OUTPUT_TABLE || cJSON_GetArraySize(items) == 0)
        return;
    fputc('\n', output->stream);
    output_begin(output, item_view);
    cJSON_ArrayForEach(item, items)
        output_item(output, item, now_ms);
    output_end(output);
}

bool output_flush(struct output *output)
{
    return fflush(output->stream) == 0 && !ferror(output->stream) && !output->failed;
}
