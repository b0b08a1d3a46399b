/* Any bytes as a settings file: refused with a line and a reason, or printed and read again to the same print. */
#include "fuzz.h"

#include <stdio.h>

#include "common/settings.h"

struct values {
    char url[64];
    int64_t timeout_ms, format;
    bool color;
};

#define AT(member) .offset = offsetof(struct values, member), .size = sizeof(((struct values *)0)->member)

static const struct setting rows[] = {
    {"redis.url", SETTING_TEXT, AT(url), .fallback = "unix:/x", .help = "Text."},
    {"redis.timeout_ms", SETTING_INTEGER, AT(timeout_ms), .min = 1, .max = 60000, .fallback = "10", .unit = "ms", .help = "Integer."},
    {"log.format", SETTING_CHOICE, AT(format), .choices = "logfmt|json", .fallback = "json", .help = "Choice."},
    {"color", SETTING_BOOL, AT(color), .fallback = "false", .help = "Flag."},
};
static const struct settings_table table = {rows, sizeof rows / sizeof rows[0], "DROVER_"};

static char *print(const struct values *values, size_t *ret_length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_length);

    MUST(out);
    settings_print(&table, values, out);
    MUST(fclose(out) == 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct values values = {0}, again = {0};
    struct problem problem = {0};
    char *first, *second;
    size_t first_length, second_length;

    settings_defaults(&table, &values);
    settings_defaults(&table, &again);
    if (settings_read_text(&table, "fuzz", (const char *)bytes, length, &values, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && strncmp(problem.where, "fuzz:", 5) == 0 && problem.what[0]);
        return 0;
    }
    first = print(&values, &first_length);
    MUST(settings_read_text(&table, "printed", first, first_length, &again, NULL) == DROVER_OK);
    second = print(&again, &second_length);
    MUST(first_length == second_length && memcmp(first, second, first_length) == 0);
    free(first);
    free(second);
    return 0;
}
