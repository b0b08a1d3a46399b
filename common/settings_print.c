/* Printing settings: as an ini file that reads back to the same values, as Markdown for docs/configuration.md;
 * and comparing two sets for a reload. */
#include <inttypes.h>
#include <string.h>

#include "common/settings.h"

static const void *field_of(const struct setting *row, const void *values)
{
    return (const char *)values + row->offset;
}

static int64_t integer_of(const struct setting *row, const void *values)
{
    int64_t value;

    memcpy(&value, field_of(row, values), sizeof value);
    return value;
}

static bool bool_of(const struct setting *row, const void *values)
{
    return *(const bool *)field_of(row, values);
}

static void choice_print(const char *choices, int64_t index, FILE *out)
{
    for (; index > 0 && strchr(choices, '|'); index--)
        choices = strchr(choices, '|') + 1;
    fprintf(out, "%.*s", (int)strcspn(choices, "|"), choices);
}

static void value_print(const struct setting *row, const void *values, FILE *out)
{
    switch (row->kind) {
    case SETTING_TEXT:
        fputs(field_of(row, values), out);
        break;
    case SETTING_INTEGER:
        fprintf(out, "%" PRId64, integer_of(row, values));
        break;
    case SETTING_BOOL:
        fputs(bool_of(row, values) ? "true" : "false", out);
        break;
    case SETTING_CHOICE:
        choice_print(row->choices, integer_of(row, values), out);
        break;
    }
}

/* "redis" of "redis.url"; empty when there is no dot. */
static size_t section_length(const struct setting *row)
{
    const char *dot = strchr(row->name, '.');

    return dot ? (size_t)(dot - row->name) : 0;
}

static bool same_section(const struct setting *left, const struct setting *right)
{
    size_t length = section_length(left);

    return length == section_length(right) && strncmp(left->name, right->name, length) == 0;
}

static void row_print(const struct setting *row, const void *values, FILE *out)
{
    const char *dot = strchr(row->name, '.');
    const char *key = dot ? dot + 1 : row->name;

    if (row->secret) {
        fprintf(out, "# %s = ***\n", key);
        return;
    }
    fprintf(out, "%s = ", key);
    value_print(row, values, out);
    fputc('\n', out);
}

/* Rows of one section are printed together, wherever they stand in the table: a section may be opened only once in
 * what people read, and rows without a section have to come first. */
void settings_print(const struct settings_table *table, const void *values, FILE *out)
{
    for (size_t i = 0; i < table->count; i++)
        if (section_length(&table->rows[i]) == 0)
            row_print(&table->rows[i], values, out);
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *first = &table->rows[i];
        bool printed = section_length(first) == 0;

        for (size_t j = 0; j < i && !printed; j++)
            printed = same_section(&table->rows[j], first);
        if (printed)
            continue;
        fprintf(out, "\n[%.*s]\n", (int)section_length(first), first->name);
        for (size_t j = i; j < table->count; j++)
            if (same_section(&table->rows[j], first))
                row_print(&table->rows[j], values, out);
    }
}

static void allowed_print(const struct setting *row, FILE *out)
{
    const char *unit = row->unit ? row->unit : "";

    switch (row->kind) {
    case SETTING_TEXT:
        fprintf(out, "text, at most %zu bytes", row->max > 0 && (size_t)row->max < row->size ? (size_t)row->max : row->size - 1);
        break;
    case SETTING_INTEGER:
        fprintf(out, "%" PRId64 " .. %" PRId64 "%s%s", row->min, row->max, unit[0] ? " " : "", unit);
        break;
    case SETTING_BOOL:
        fputs("true, false", out);
        break;
    case SETTING_CHOICE:
        for (const char *c = row->choices; *c; c++)
            fputs(*c == '|' ? ", " : (char[]){*c, 0}, out);
        break;
    }
}

void settings_print_docs(const struct settings_table *table, FILE *out)
{
    fputs("| setting | default | allowed | reload | meaning |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        bool bare = !row->fallback || !row->fallback[0];

        fprintf(out, "| `%s` | %s%s%s | ", row->name, bare ? "" : "`", bare ? "(empty)" : row->fallback, bare ? "" : "`");
        allowed_print(row, out);
        fprintf(out, " | %s | %s |\n", row->reloadable ? "yes" : "restart", row->help);
    }
}

static bool value_equal(const struct setting *row, const void *before, const void *after)
{
    switch (row->kind) {
    case SETTING_TEXT:
        return strcmp(field_of(row, before), field_of(row, after)) == 0;
    case SETTING_BOOL:
        return bool_of(row, before) == bool_of(row, after);
    case SETTING_INTEGER:
    case SETTING_CHOICE:
        break;
    }
    return integer_of(row, before) == integer_of(row, after);
}

void settings_compare(const struct settings_table *table, const void *before, const void *after,
                      void (*changed)(const struct setting *row, void *arg), void *arg)
{
    for (size_t i = 0; i < table->count; i++)
        if (!value_equal(&table->rows[i], before, after))
            changed(&table->rows[i], arg);
}
