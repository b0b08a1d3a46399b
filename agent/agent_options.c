/* Reads argv. Every setting is an option of its own (--mqtt-url=..., --mqtt.url ...), found in the table of settings. */
#include "agent/agent_options.h"

#include <inttypes.h>
#include <string.h>

/* What is not a setting. */
static const struct fixed_option {
    const char *name;
    enum agent_task task;
    bool wants_value;
    const char *help;
} fixed_options[] = {
    {"config", AGENT_RUN, true, "FILE            read settings from this file"},
    {"set", AGENT_RUN, true, "NAME=VALUE      one setting; outranks environment and file"},
    {"check-config", AGENT_CHECK_CONFIG, false, "                read all settings, say what is wrong, exit with 0 or 2"},
    {"print-config", AGENT_PRINT_CONFIG, false, "                print the settings in effect as a file that can be read back"},
    {"print-docs", AGENT_PRINT_DOCS, true, "PART            print a part of the documentation: settings, states"},
    {"version", AGENT_VERSION, false, "                print the version"},
    {"help", AGENT_HELP, false, "                print this"},
};

static const struct {
    const char *name;
    enum agent_task task;
    const char *help;
} words[] = {
    {"boot", AGENT_BOOT, "the boot loader's question, once a boot: counts down and prints the slot to boot, a or b"},
    {"status", AGENT_STATUS, "what the log and the slots say"},
};

static const struct fixed_option *fixed_find(const char *name, size_t length)
{
    for (unsigned i = 0; i < sizeof fixed_options / sizeof fixed_options[0]; i++)
        if (strlen(fixed_options[i].name) == length && strncmp(fixed_options[i].name, name, length) == 0)
            return &fixed_options[i];
    return NULL;
}

static enum drover_error unknown(const char *option, struct problem *ret_problem)
{
    return problem_set(ret_problem, DROVER_UNKNOWN, option, "no such option; drover-agent --help lists them");
}

/* Remembers name[0..length) = value. */
static enum drover_error setting_add(struct agent_options *options, const char *name, size_t length, const char *value, struct problem *ret_problem)
{
    char *copy;

    if (options->count == AGENT_OPTIONS_MAX)
        return problem_set(ret_problem, DROVER_FULL, "--set", "more than %d settings", AGENT_OPTIONS_MAX);
    copy = options->name_storage[options->count];
    if (!text_copy_n(copy, sizeof options->name_storage[0], name, length) || !settings_find(&agent_settings_table, copy))
        return unknown(copy[0] ? copy : name, ret_problem);
    options->names[options->count] = copy;
    options->values[options->count++] = value;
    return DROVER_OK;
}

static enum drover_error fixed_take(struct agent_options *options, const struct fixed_option *fixed, const char *value, struct problem *ret_problem)
{
    if (strcmp(fixed->name, "config") == 0) {
        options->file = value;
    } else if (strcmp(fixed->name, "set") == 0) {
        const char *equals = strchr(value, '=');

        return equals ? setting_add(options, value, (size_t)(equals - value), equals + 1, ret_problem)
                      : problem_set(ret_problem, DROVER_SYNTAX, "--set", "must be NAME=VALUE");
    } else {
        options->task = fixed->task;
        options->docs = value;
    }
    return DROVER_OK;
}

/* One option at argv[*at]; moves *at on when its value is the next argument. */
static enum drover_error option_read(int argc, char *const *argv, int *at, struct agent_options *options, struct problem *ret_problem)
{
    const char *option = argv[*at], *name = option + 2, *equals = strchr(option, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct fixed_option *fixed = fixed_find(name, length);
    const char *value = equals ? equals + 1 : NULL;

    if (fixed && !fixed->wants_value)
        return value ? problem_set(ret_problem, DROVER_SYNTAX, option, "takes no value") : fixed_take(options, fixed, NULL, ret_problem);
    if (!fixed && !value && !settings_find(&agent_settings_table, name))
        return unknown(option, ret_problem);
    if (!value && *at + 1 == argc)
        return problem_set(ret_problem, DROVER_MISSING, option, "wants a value");
    if (!value)
        value = argv[++*at];
    return fixed ? fixed_take(options, fixed, value, ret_problem) : setting_add(options, name, length, value, ret_problem);
}

static enum drover_error word_read(const char *word, struct agent_options *options, struct problem *ret_problem)
{
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, word) == 0 && options->task == AGENT_RUN) {
            options->task = words[i].task;
            return DROVER_OK;
        }
    return unknown(word, ret_problem);
}

enum drover_error agent_options_read(int argc, char *const *argv, struct agent_options *ret, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;

    memset(ret, 0, sizeof *ret);
    for (int i = 1; i < argc && !error; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            error = word_read(argv[i], ret, ret_problem);
        else if (argv[i][2] == '\0' || argv[i][2] == '=')
            error = unknown(argv[i], ret_problem);
        else
            error = option_read(argc, argv, &i, ret, ret_problem);
    }
    return error;
}

static void setting_help(const struct setting *row, FILE *out)
{
    fprintf(out, "  --%s=%s\n        %s", row->name, row->fallback, row->help);
    if (row->kind == SETTING_INTEGER)
        fprintf(out, " %" PRId64 " .. %" PRId64 "%s%s.", row->min, row->max, row->unit[0] ? " " : "", row->unit);
    if (row->kind == SETTING_CHOICE)
        fprintf(out, " One of %s.", row->choices);
    fputc('\n', out);
}

void agent_options_help(FILE *out)
{
    fputs("drover-agent: brings a device from one image to the next, and back when that goes wrong.\n\n"
          "  drover-agent [boot|status] [--config FILE] [--set NAME=VALUE]... [--NAME=VALUE]...\n\n", out);
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        fprintf(out, "  %-10s %s\n", words[i].name, words[i].help);
    for (unsigned i = 0; i < sizeof fixed_options / sizeof fixed_options[0]; i++)
        fprintf(out, "  --%-14s %s\n", fixed_options[i].name, fixed_options[i].help);
    fputs("\nSettings (default), also as DROVER_AGENT_NAME in the environment:\n\n", out);
    for (size_t i = 0; i < agent_settings_table.count; i++)
        setting_help(&agent_settings_table.rows[i], out);
}

enum drover_error agent_options_settings(const struct agent_options *options, char *const *environment, struct agent_settings *ret, struct problem *ret_problem)
{
    const struct agent_settings_source source = {
        .file = options->file, .environment = environment, .names = options->names, .values = options->values, .count = options->count};

    return agent_settings_load(&source, ret, ret_problem);
}
