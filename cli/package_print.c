/* The description of a package for people: facts, tables, and its layout drawn to scale. */
#include "cli/package_print.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli/safe_text.h"
#include "cli/values.h"
#include "cli/work.h"
#include "common/clock.h"

#define PICTURE_COLUMNS 48

static void package_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "package"));
}

static void item_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "name"));
}

static void key_id_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "key_id"));
}

#define VIEW(view_name, name_function, fields_array) \
    static const struct view view_name = {(name_function), (fields_array), sizeof(fields_array) / sizeof(fields_array)[0]}

static const struct field package_facts[] = {
    {"package", "package", FIELD_TEXT},           {"model", "model", FIELD_TEXT},
    {"version", "version", FIELD_TEXT},           {"kind", "kind", FIELD_TEXT},
    {"base version", "base_version", FIELD_TEXT}, {"encrypted", "encrypted", FIELD_YES},
    {"size", "size", FIELD_BYTES},                {"hardware", "hw_revs", FIELD_LIST},
    {"min version", "min_version", FIELD_TEXT},   {"release counter", "release_counter", FIELD_NUMBER},
    {"built", "build_time_ms", FIELD_TIME},       {"expires", "expires_ms", FIELD_TIME},
    {"chunk size", "chunk_bytes", FIELD_BYTES},   {"manifest", "manifest_sha256", FIELD_TEXT},
    {"delta", "delta_sha256", FIELD_TEXT},        {"sha256", "sha256", FIELD_TEXT},
};
VIEW(package_view, package_name, package_facts);

static const struct field report_facts[] = {
    {"package", "package", FIELD_TEXT},   {"model", "model", FIELD_TEXT},
    {"version", "version", FIELD_TEXT},   {"base version", "base_version", FIELD_TEXT},
    {"size", "size", FIELD_BYTES},        {"components", "components", FIELD_ITEMS},
    {"signatures", "signatures", FIELD_ITEMS}, {"recipients", "recipients", FIELD_ITEMS},
    {"manifest", "manifest_sha256", FIELD_TEXT},
};
VIEW(report_view, package_name, report_facts);

static const struct field component_list[] = {
    {"COMPONENT", "name", FIELD_TEXT},  {"PART", "part", FIELD_TEXT},     {"IMAGE", "size", FIELD_BYTES}, {"STORED", "stored", FIELD_BYTES},
    {"COMPRESSION", "compression", FIELD_TEXT}, {"AS", "as", FIELD_TEXT}, {"CHUNKS", "chunks", FIELD_NUMBER}, {"SHA-256", "sha256", FIELD_TEXT},
};
VIEW(component_view, item_name, component_list);

static const struct field signature_list[] = {
    {"SIGNATURE OF", "document", FIELD_TEXT}, {"ALGORITHM", "algorithm", FIELD_TEXT}, {"KEY", "key_id", FIELD_TEXT},
};
VIEW(signature_view, key_id_name, signature_list);

static const struct field recipient_list[] = {{"RECIPIENT BY", "method", FIELD_TEXT}, {"KEY", "key_id", FIELD_TEXT}};
VIEW(recipient_view, key_id_name, recipient_list);

static void table_of(struct cli *cli, const struct view *view, const struct cJSON *items)
{
    const struct cJSON *item;

    if (cJSON_GetArraySize(items) == 0)
        return;
    fputc('\n', cli->output.stream);
    output_begin(&cli->output, view);
    cJSON_ArrayForEach(item, items)
        output_item(&cli->output, item, clock_unix_ms());
    output_end(&cli->output);
}

/* "|   ####      |": the part of the file from offset on, to scale, but at least one column wide */
static void range_draw(int64_t offset, int64_t bytes, int64_t total, FILE *out)
{
    int64_t first = offset * PICTURE_COLUMNS / total, end = ((offset + bytes) * PICTURE_COLUMNS + total - 1) / total;

    if (first >= PICTURE_COLUMNS)
        first = PICTURE_COLUMNS - 1;
    if (end <= first)
        end = first + 1;
    fputc('|', out);
    for (int64_t column = 0; column < PICTURE_COLUMNS; column++)
        fputc(column >= first && column < end ? '#' : ' ', out);
    fputs("|\n", out);
}

static void layout_draw(struct cli *cli, const struct cJSON *description)
{
    const struct cJSON *range, *layout = value_find(description, "layout");
    int64_t total = value_number(description, "size", 1);
    FILE *out = cli->output.stream;
    int width = 8;

    cJSON_ArrayForEach(range, layout)
        if ((int)strlen(value_text(range, "what")) > width)
            width = (int)strlen(value_text(range, "what"));
    fprintf(out, "\n%14s  %14s  %-*s  one column is ", "FROM BYTE", "BYTES", width, "LAYOUT");
    fprintf(out, "%lld bytes\n", (long long)((total + PICTURE_COLUMNS - 1) / PICTURE_COLUMNS));
    cJSON_ArrayForEach(range, layout) {
        int64_t offset = value_number(range, "offset", 0), bytes = value_number(range, "size", 0);

        fprintf(out, "%14lld  %14lld  %-*s  ", (long long)offset, (long long)bytes, width, value_text(range, "what"));
        range_draw(offset, bytes, total, out);
    }
}

static void package_print(struct cli *cli, const struct cJSON *description)
{
    output_object(&cli->output, &package_view, description, clock_unix_ms());
    if (cli->output.format != OUTPUT_TABLE)
        return;
    table_of(cli, &component_view, value_find(description, "components"));
    table_of(cli, &signature_view, value_find(description, "signatures"));
    table_of(cli, &recipient_view, value_find(description, "recipients"));
    layout_draw(cli, description);
    fputs("\nThis is what the package says of itself. Nothing of it is proved: `drover package verify` does that.\n", cli->output.stream);
}

static void report_print(struct cli *cli, const struct cJSON *description)
{
    output_object(&cli->output, &report_view, description, clock_unix_ms());
}

static enum cli_exit describe_file(struct cli *cli, const char *path, bool complete, void (*print)(struct cli *cli, const struct cJSON *description))
{
    struct problem problem = {0};
    struct package_file file;
    struct cJSON *description;
    enum cli_exit code = work_refused(cli, path, package_file_open(path, &file, &problem), &problem);

    if (code)
        return code;
    description = package_describe(cli, path, &file, complete);
    if (description)
        print(cli, description);
    else
        code = CLI_FAILED;
    cJSON_Delete(description);
    package_file_close(&file);
    return code;
}

enum cli_exit package_inspect(struct cli *cli, const char *path)
{
    return describe_file(cli, path, true, package_print);
}

enum cli_exit package_report(struct cli *cli, const char *path)
{
    return describe_file(cli, path, false, report_print);
}
