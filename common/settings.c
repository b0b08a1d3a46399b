/* Reading settings: one value by its row, a file by libinih, the environment. Printing is in settings_print.c.
 * libinih as Debian builds it takes lines of at most 198 bytes; longer ones are reported here by their line number. */
#include "common/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define FILE_BYTES (256 * 1024)
#define NAME_BYTES 128 /* longest name of an environment variable looked at */
#define ROWS_MAX 512
#define LINE_BYTES 198

static char separator_folded(char c)
{
    return c == '-' || c == '_' ? '.' : c;
}

static bool name_equal(const char *left, const char *right)
{
    while (*left && separator_folded(*left) == separator_folded(*right)) {
        left++;
        right++;
    }
    return *left == *right;
}

const struct setting *settings_find(const struct settings_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (name_equal(table->rows[i].name, name))
            return &table->rows[i];
    return NULL;
}

static enum drover_error text_set(const struct setting *row, const char *value, char *field, struct problem *ret_problem)
{
    size_t length = strlen(value);
    size_t longest = row->max > 0 && (size_t)row->max < row->size ? (size_t)row->max : row->size - 1;

    if (length > longest)
        return problem_set(ret_problem, DROVER_TOO_LONG, row->name, "%zu bytes; at most %zu", length, longest);
    if (row->max > 0 && length < (size_t)row->min)
        return problem_set(ret_problem, DROVER_RANGE, row->name, "%zu bytes; at least %" PRId64, length, row->min);
    if (!text_is_plain(value, length))
        return problem_set(ret_problem, DROVER_SYNTAX, row->name, "has control characters or is not UTF-8");
    if (length && (value[0] == ' ' || value[length - 1] == ' ' || value[0] == ';' || strstr(value, " ;")))
        return problem_set(ret_problem, DROVER_SYNTAX, row->name, "a space at an end or ' ;' cannot stand in a file");
    if (!row->secret && strlen(row->name) + 3 + length > LINE_BYTES) /* --print-config must give a file that can be read */
        return problem_set(ret_problem, DROVER_TOO_LONG, row->name, "%zu bytes do not fit on a line of a file", length);
    (void)text_copy(field, row->size, value);
    return DROVER_OK;
}

static enum drover_error integer_set(const struct setting *row, const char *value, int64_t *field,
                                     struct problem *ret_problem)
{
    char excerpt[24];
    int64_t number;

    (void)text_excerpt(excerpt, sizeof excerpt, value, strlen(value));
    if (!text_to_i64(value, strlen(value), INT64_MIN, INT64_MAX, &number))
        return problem_set(ret_problem, DROVER_TYPE, row->name, "'%s' is not an integer", excerpt);
    if (number < row->min || number > row->max)
        return problem_set(ret_problem, DROVER_RANGE, row->name, "%s is not in %" PRId64 " .. %" PRId64 "%s%s", excerpt,
                           row->min, row->max, row->unit && row->unit[0] ? " " : "", row->unit ? row->unit : "");
    *field = number;
    return DROVER_OK;
}

/* The index of value among "a|b|c", or -1. */
static int64_t choice_index(const char *choices, const char *value)
{
    size_t length = strlen(value);

    for (int64_t i = 0;; i++) {
        size_t width = strcspn(choices, "|");

        if (width == length && memcmp(choices, value, length) == 0)
            return i;
        if (choices[width] == '\0')
            return -1;
        choices += width + 1;
    }
}

static enum drover_error choice_set(const struct setting *row, const char *value, int64_t *field,
                                    struct problem *ret_problem)
{
    int64_t index = choice_index(row->choices, value);
    char excerpt[24];

    if (index < 0)
        return problem_set(ret_problem, DROVER_UNKNOWN, row->name, "'%s' is none of %s",
                           text_excerpt(excerpt, sizeof excerpt, value, strlen(value)), row->choices);
    *field = index;
    return DROVER_OK;
}

static enum drover_error bool_set(const struct setting *row, const char *value, bool *field, struct problem *ret_problem)
{
    int64_t index = choice_index("false|true|no|yes|off|on", value);
    char excerpt[24];

    if (index < 0)
        return problem_set(ret_problem, DROVER_TYPE, row->name, "'%s' is not true or false",
                           text_excerpt(excerpt, sizeof excerpt, value, strlen(value)));
    *field = index % 2 == 1;
    return DROVER_OK;
}

static enum drover_error row_set(const struct setting *row, const char *value, void *values, struct problem *ret_problem)
{
    void *field = (char *)values + row->offset;

    switch (row->kind) {
    case SETTING_TEXT:
        return text_set(row, value, field, ret_problem);
    case SETTING_INTEGER:
        return integer_set(row, value, field, ret_problem);
    case SETTING_BOOL:
        return bool_set(row, value, field, ret_problem);
    case SETTING_CHOICE:
        return choice_set(row, value, field, ret_problem);
    }
    return problem_set(ret_problem, DROVER_UNKNOWN, row->name, "a kind of setting that does not exist");
}

enum drover_error settings_set(const struct settings_table *table, const char *name, const char *value, void *values,
                               struct problem *ret_problem)
{
    const struct setting *row = settings_find(table, name);

    if (!row)
        return problem_set(ret_problem, DROVER_UNKNOWN, name, "no such setting");
    return row_set(row, value, values, ret_problem);
}

void settings_defaults(const struct settings_table *table, void *values)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        struct problem problem;

        /* A default that its own row refuses is a mistake in the program, caught by the first start of it. */
        if (row->fallback && row_set(row, row->fallback, values, &problem) != DROVER_OK) {
            fprintf(stderr, "default of %s: %s\n", problem.where, problem.what);
            abort();
        }
    }
}

/* One file while libinih goes through it. */
struct reading {
    const struct settings_table *table;
    const char *file;             /* its name without folders, for problems */
    const char *at, *end;
    unsigned line, error_line;
    void *values;
    bool seen[ROWS_MAX];
    enum drover_error error;      /* the first one; what follows is not looked at */
    struct problem *problem;
};

static enum drover_error reading_fail(struct reading *reading, enum drover_error error, const char *name, const char *what)
{
    char where[48];

    reading->error_line = reading->line;
    (void)snprintf(where, sizeof where, "%.36s:%u", reading->file, reading->line);
    reading->error = problem_set(reading->problem, error, where, "%s%s%s", name, name[0] ? ": " : "", what);
    return reading->error;
}

/* Gives libinih one line, as fgets() would. */
static char *line_next(char *dst, int size, void *arg)
{
    struct reading *reading = arg;
    size_t left = (size_t)(reading->end - reading->at), length;
    const char *newline;

    if (left == 0 || reading->error)
        return NULL;
    newline = memchr(reading->at, '\n', left);
    length = newline ? (size_t)(newline - reading->at) + 1 : left;
    reading->line++;
    if (length >= (size_t)size) {
        (void)reading_fail(reading, DROVER_TOO_LONG, "", "a line may have at most 198 bytes, comments too");
        return NULL;
    }
    if (memchr(reading->at, '\0', length)) {
        (void)reading_fail(reading, DROVER_SYNTAX, "", "a NUL byte");
        return NULL;
    }
    (void)text_copy_n(dst, (size_t)size, reading->at, length);
    reading->at += length;
    return dst;
}

static int pair_read(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *reading = arg;
    const struct setting *row;
    struct problem problem;
    char full[NAME_BYTES];
    size_t index;

    if (reading->error)
        return 0;
    (void)snprintf(full, sizeof full, "%s%s%s", section, section[0] ? "." : "", name);
    row = settings_find(reading->table, full);
    if (!row) {
        (void)reading_fail(reading, DROVER_UNKNOWN, full, "no such setting");
        return 0;
    }
    index = (size_t)(row - reading->table->rows);
    if (index < ROWS_MAX && reading->seen[index]) {
        (void)reading_fail(reading, DROVER_DUPLICATE, full, "given twice, or continued by an indented line");
        return 0;
    }
    if (index < ROWS_MAX)
        reading->seen[index] = true;
    if (row_set(row, value, reading->values, &problem) != DROVER_OK)
        (void)reading_fail(reading, problem.error, problem.where, problem.what);
    return reading->error == DROVER_OK;
}

enum drover_error settings_read_text(const struct settings_table *table, const char *name, const char *text,
                                     size_t length, void *values, struct problem *ret_problem)
{
    const char *slash = strrchr(name, '/');
    struct reading reading = {.table = table, .file = slash ? slash + 1 : name, .values = values, .problem = ret_problem};
    int bad_line;

    reading.at = text;
    reading.end = text + length;
    bad_line = ini_parse_stream(line_next, &reading, pair_read, &reading);
    if (bad_line > 0 && (!reading.error || (unsigned)bad_line < reading.error_line)) { /* its own: no '=', or no ']' */
        reading.line = (unsigned)bad_line;
        (void)reading_fail(&reading, DROVER_SYNTAX, "", "neither [section] nor name = value");
    }
    return reading.error;
}

/* Reads at most FILE_BYTES; one byte more says that the file is longer. */
static enum drover_error file_read(const char *path, char *bytes, size_t *ret_length, struct problem *ret_problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got = 1;
    int failed;

    if (fd < 0)
        return problem_set(ret_problem, DROVER_IO, path, "cannot be opened: %s", strerror(errno));
    while (length <= FILE_BYTES && got > 0) {
        got = read(fd, bytes + length, FILE_BYTES + 1 - length);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            length += (size_t)got;
    }
    failed = got < 0 ? errno : 0;
    close(fd);
    if (failed)
        return problem_set(ret_problem, DROVER_IO, path, "cannot be read: %s", strerror(failed));
    if (length > FILE_BYTES)
        return problem_set(ret_problem, DROVER_TOO_LONG, path, "over %d bytes", FILE_BYTES);
    *ret_length = length;
    return DROVER_OK;
}

enum drover_error settings_read_file(const struct settings_table *table, const char *path, void *values,
                                     struct problem *ret_problem)
{
    char *bytes = malloc(FILE_BYTES + 1);
    size_t length = 0;
    enum drover_error error;

    if (!bytes)
        return problem_set(ret_problem, DROVER_MEMORY, path, "no memory to read it");
    error = file_read(path, bytes, &length, ret_problem);
    if (!error)
        error = settings_read_text(table, path, bytes, length, values, ret_problem);
    free(bytes);
    return error;
}

/* One NAME=VALUE whose name begins with the prefix. */
static enum drover_error variable_read(const struct settings_table *table, const char *variable, void *values,
                                       struct problem *ret_problem)
{
    const char *equals = strchr(variable, '=');
    char name[NAME_BYTES], *key = name + strlen(table->env_prefix);
    struct problem problem;

    if (!equals || !text_copy_n(name, sizeof name, variable, (size_t)(equals - variable)))
        return problem_set(ret_problem, DROVER_UNKNOWN, variable, "no such setting");
    for (char *c = key; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    if (settings_set(table, key, equals + 1, values, &problem) == DROVER_OK)
        return DROVER_OK;
    (void)text_copy_n(name, sizeof name, variable, (size_t)(equals - variable));
    return problem_set(ret_problem, problem.error, name, "%s: %s", problem.where, problem.what);
}

enum drover_error settings_read_environment(const struct settings_table *table, char *const *environment, void *values,
                                            struct problem *ret_problem)
{
    size_t prefix = strlen(table->env_prefix);

    for (; *environment; environment++) {
        enum drover_error error = DROVER_OK;

        if (strncmp(*environment, table->env_prefix, prefix) == 0)
            error = variable_read(table, *environment, values, ret_problem);
        if (error)
            return error;
    }
    return DROVER_OK;
}
