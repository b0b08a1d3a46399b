/* Reads argv. Every setting is an option of its own (--redis-url=..., --redis.url ...), found in the table of settings. */
#include "orchestrator/edges/daemon_options.h"

#include <inttypes.h>
#include <string.h>

/* The options that are not settings. */
static const struct fixed_option {
    const char *name;
    enum daemon_task task;
    bool wants_value;
    const char *help;
} fixed_options[] = {
    {"config", TASK_RUN, true, "FILE            read settings from this file"},
    {"set", TASK_RUN, true, "NAME=VALUE      one setting; outranks environment and file"},
    {"check-config", TASK_CHECK_CONFIG, false, "                read all settings, say what is wrong, exit with 0 or 2"},
    {"print-config", TASK_PRINT_CONFIG, false, "                print the settings in effect as a file that can be read back"},
    {"print-docs", TASK_PRINT_DOCS, true, "PART            print a part of the documentation: settings, states"},
    {"rebuild-into", TASK_REBUILD, true, "URL             rebuild upgrades, rollouts and counters from the event log into this empty Redis (docs/events.md)"},
    {"rebuild-compare", TASK_REBUILD, false, "                compare them with those of the Redis in the settings; exit with 1 where they differ"},
    {"rebuild-from", TASK_REBUILD, true, "FILE            take the log from a file of `drover events export` instead of the Redis in the settings"},
    {"version", TASK_VERSION, false, "                print the version"},
    {"help", TASK_HELP, false, "                print this"},
};

static const struct fixed_option *fixed_find(const char *name, size_t length)
{
    for (unsigned i = 0; i < sizeof fixed_options / sizeof fixed_options[0]; i++)
        if (strlen(fixed_options[i].name) == length && strncmp(fixed_options[i].name, name, length) == 0)
            return &fixed_options[i];
    return NULL;
}

/* Remembers name[0..length) = value. */
static enum drover_error setting_add(struct daemon_options *options, const char *name, size_t length, const char *value,
                                     struct problem *ret_problem)
{
    char *copy;

    if (options->count == OPTIONS_SET_MAX)
        return problem_set(ret_problem, DROVER_FULL, "--set", "more than %d settings", OPTIONS_SET_MAX);
    copy = options->name_storage[options->count];
    if (!text_copy_n(copy, sizeof options->name_storage[0], name, length) || !settings_find(&daemon_settings_table, copy))
        return problem_set(ret_problem, DROVER_UNKNOWN, copy[0] ? copy : name, "no such option; droverd --help lists them");
    options->names[options->count] = copy;
    options->values[options->count++] = value;
    return DROVER_OK;
}

static enum drover_error pair_add(struct daemon_options *options, const char *pair, struct problem *ret_problem)
{
    const char *equals = strchr(pair, '=');

    if (!equals)
        return problem_set(ret_problem, DROVER_SYNTAX, "--set", "must be NAME=VALUE");
    return setting_add(options, pair, (size_t)(equals - pair), equals + 1, ret_problem);
}

static enum drover_error fixed_take(struct daemon_options *options, const struct fixed_option *fixed, const char *value,
                                    struct problem *ret_problem)
{
    const struct {
        const char *name;
        const char **value;
    } texts[] = {{"config", &options->file}, {"print-docs", &options->docs}, {"rebuild-into", &options->rebuild_into}, {"rebuild-from", &options->rebuild_from}};

    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(fixed->name, texts[i].name) == 0)
            *texts[i].value = value;
    if (strcmp(fixed->name, "set") == 0)
        return pair_add(options, value, ret_problem);
    if (strcmp(fixed->name, "rebuild-compare") == 0)
        options->rebuild_compare = true;
    if (fixed->task != TASK_RUN)
        options->task = fixed->task;
    return DROVER_OK;
}

/* One option at argv[*at]; moves *at on when its value is the next argument. */
static enum drover_error option_read(int argc, char *const *argv, int *at, struct daemon_options *options,
                                     struct problem *ret_problem)
{
    const char *option = argv[*at], *name = option + 2, *equals = strchr(option, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct fixed_option *fixed = fixed_find(name, length);
    const char *value = equals ? equals + 1 : NULL;

    if (fixed && !fixed->wants_value)
        return value ? problem_set(ret_problem, DROVER_SYNTAX, option, "takes no value")
                     : fixed_take(options, fixed, NULL, ret_problem);
    if (!fixed && !value && !settings_find(&daemon_settings_table, name))
        return problem_set(ret_problem, DROVER_UNKNOWN, option, "no such option; droverd --help lists them");
    if (!value && *at + 1 == argc)
        return problem_set(ret_problem, DROVER_MISSING, option, "wants a value");
    if (!value)
        value = argv[++*at];
    return fixed ? fixed_take(options, fixed, value, ret_problem) : setting_add(options, name, length, value, ret_problem);
}

enum drover_error daemon_options_read(int argc, char *const *argv, struct daemon_options *ret, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;

    memset(ret, 0, sizeof *ret);
    for (int i = 1; i < argc && !error; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0' || argv[i][2] == '=')
            return problem_set(ret_problem, DROVER_SYNTAX, argv[i], "no such option; droverd --help lists them");
        error = option_read(argc, argv, &i, ret, ret_problem);
    }
    return error;
}

void daemon_options_help(FILE *out)
{
    fputs("droverd: brings new firmware to a fleet of devices, over MQTT, HTTP and Redis.\n\n"
          "  droverd [--config FILE] [--set NAME=VALUE]... [--NAME=VALUE]...\n\n", out);
    for (unsigned i = 0; i < sizeof fixed_options / sizeof fixed_options[0]; i++)
        fprintf(out, "  --%-16s %s\n", fixed_options[i].name, fixed_options[i].help);
    fputs("\nSettings (default), also as DROVER_NAME in the environment; SIGHUP reads file and environment again:\n\n", out);
    for (size_t i = 0; i < daemon_settings_table.count; i++) {
        const struct setting *row = &daemon_settings_table.rows[i];

        fprintf(out, "  --%s=%s\n        %s", row->name, row->fallback[0] ? row->fallback : "", row->help);
        if (row->kind == SETTING_INTEGER)
            fprintf(out, " %" PRId64 " .. %" PRId64 "%s%s.", row->min, row->max, row->unit[0] ? " " : "", row->unit);
        if (row->kind == SETTING_CHOICE)
            fprintf(out, " One of %s.", row->choices);
        fputs(row->reloadable ? " Reloadable.\n" : "\n", out);
    }
}

enum drover_error daemon_options_settings(const struct daemon_options *options, char *const *environment,
                                          struct daemon_settings *ret, struct problem *ret_problem)
{
    const struct daemon_settings_source source = {
        .file = options->file,
        .environment = environment,
        .names = options->names,
        .values = options->values,
        .count = options->count,
    };

    return daemon_settings_load(&source, ret, ret_problem);
}
