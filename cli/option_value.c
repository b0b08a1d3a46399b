/* What a value on the command line may look like, kind by kind, and how to say so. */
#include "cli/option_value.h"

#include <string.h>

#include "common/semver.h"
#include "common/text.h"

bool duration_read(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(text, "0123456789");
    int64_t value;

    if (!text_to_i64(text, digits, 0, INT64_MAX / 86400000, &value))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text + digits, units[i].unit) == 0) {
            *ret_ms = value * units[i].ms;
            return true;
        }
    return false;
}

bool time_read(const char *text, int64_t *ret_ms)
{
    int64_t seconds;

    if (!text_to_i64(text, strlen(text), 0, INT64_C(253402300799), &seconds))
        return text_time_read(text, ret_ms);
    *ret_ms = seconds * 1000;
    return true;
}

bool event_id_read(const char *text)
{
    const char *dash = strchr(text, '-');
    size_t first = dash ? (size_t)(dash - text) : strlen(text);
    int64_t ignored;

    if (strcmp(text, "$") == 0)
        return true;
    return text_to_i64(text, first, 0, INT64_MAX, &ignored) &&
           (!dash || text_to_i64(dash + 1, strlen(dash + 1), 0, INT64_MAX, &ignored));
}

static bool version_is_good(const char *text)
{
    char version[VERSION_SIZE];

    return semver_read(text, strlen(text), version, NULL) == DROVER_OK;
}

static bool choice_read(const char *choices, const char *text, int64_t *ret_index)
{
    const char *word;
    unsigned length;

    for (int64_t index = 0; (word = list_next(&choices, "|", &length)), length > 0; index++)
        if (strlen(text) == length && strncmp(word, text, length) == 0) {
            *ret_index = index;
            return true;
        }
    return false;
}

/* "v1.0.0" is accepted everywhere and never sent. */
static const char *without_v(const char *version)
{
    return version[0] == 'v' ? version + 1 : version;
}

/* "64K": a number and a binary unit, or none. */
static bool bytes_read(const char *text, int64_t *ret_bytes)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"", 1}, {"K", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}};
    size_t digits = strspn(text, "0123456789");
    int64_t value;

    if (!text_to_i64(text, digits, 0, INT64_MAX >> 30, &value))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text + digits, units[i].unit) == 0) {
            *ret_bytes = value * units[i].bytes;
            return true;
        }
    return false;
}

/* Checks the text of an option's value; *value->number is filled in where there is one. */
bool option_value_read(const struct option_row *row, const char *text, struct option_value *value)
{
    value->text = text;
    switch (row->kind) {
    case OPTION_FLAG:
        return true;
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_KEY:
        return text[0] != '\0';
    case OPTION_ID:
        return text_is_id(text, strlen(text));
    case OPTION_VERSION:
        value->text = without_v(text);
        return version_is_good(text);
    case OPTION_INTEGER:
        return text_to_i64(text, strlen(text), row->min, row->max, &value->number);
    case OPTION_DURATION:
        return duration_read(text, &value->number) && value->number >= row->min && value->number <= row->max;
    case OPTION_CHOICE:
        return choice_read(row->choices, text, &value->number);
    case OPTION_BYTES:
        return bytes_read(text, &value->number) && value->number >= row->min && value->number <= row->max;
    case OPTION_TIME:
        return time_read(text, &value->number);
    case OPTION_DIGEST:
        return text_is_hex(text, strlen(text), 64);
    case OPTION_EVENT:
        return event_id_read(text);
    }
    return false;
}

void option_value_describe(const struct option_row *row, struct buffer *out)
{
    static const char *const texts[] = {
        [OPTION_TEXT] = "a text that is not empty",
        [OPTION_FILE] = "a file name",
        [OPTION_ID] = "letters, digits, `.`, `_`, `-`, at most 64, the first a letter or digit",
        [OPTION_VERSION] = "a version like 1.2.3",
        [OPTION_DURATION] = "a duration like 30s, 5m, 2h or 1d in a sensible range",
        [OPTION_BYTES] = "a number of bytes like 65536, 64K or 4M in a sensible range",
        [OPTION_TIME] = "a time like 2026-01-31, 2026-01-31T10:00:00Z or seconds since 1970",
        [OPTION_DIGEST] = "a SHA-256 of 64 hex digits in lower case",
        [OPTION_KEY] = "a file name or a URI pkcs11:...",
        [OPTION_EVENT] = "the id of an event, like 1700000000000-0",
    };

    if (row->kind == OPTION_INTEGER)
        buffer_add_format(out, "a number from %lld to %lld", (long long)row->min, (long long)row->max);
    else if (row->kind == OPTION_CHOICE)
        buffer_add_format(out, "one of %s", row->choices);
    else
        buffer_add_text(out, texts[row->kind]);
}

bool argument_read(const char *name, unsigned length, const char **text, const char **ret_what)
{
    static const struct {
        const char *name;
        enum option_kind kind;
        const char *choices;
    } rows[] = {
        {"MODEL", OPTION_ID, NULL},   {"ROLLOUT", OPTION_ID, NULL},       {"DEVICE", OPTION_ID, NULL},
        {"PLAN", OPTION_FILE, NULL},  {"[VERSION]", OPTION_VERSION, NULL},
        {"FILE", OPTION_FILE, NULL},  {"PACKAGE", OPTION_FILE, NULL},     {"OUT", OPTION_FILE, NULL},
        {"OLD", OPTION_FILE, NULL},   {"NEW", OPTION_FILE, NULL},         {"DIR", OPTION_FILE, NULL},
        {"[OUT]", OPTION_FILE, NULL}, {"[PUBKEY]", OPTION_FILE, NULL},    {"KEYID", OPTION_TEXT, NULL},
        {"VERSION", OPTION_VERSION, NULL},  {"SHELL", OPTION_CHOICE, "bash"},
    };
    static const char *const what[] = {
        [OPTION_ID] = "an id (letters, digits, `.`, `_`, `-`, at most 64)",
        [OPTION_FILE] = "a file name",
        [OPTION_TEXT] = "the beginning of a key id",
        [OPTION_VERSION] = "a version like 1.2.3",
        [OPTION_CHOICE] = "a shell we have completions for: bash",
    };
    struct option_value value;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct option_row row = {.kind = rows[i].kind, .choices = rows[i].choices};

        if (strlen(rows[i].name) != length || strncmp(rows[i].name, name, length) != 0)
            continue;
        *ret_what = what[row.kind];
        if (!option_value_read(&row, *text, &value))
            return false;
        *text = value.text;
        return true;
    }
    return true;
}
