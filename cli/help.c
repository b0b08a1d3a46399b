/* Help for a terminal, and the same wrapped into Markdown. */
#include "cli/help.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/cmd.h"
#include "common/text.h"

#define COLUMNS 96

const struct help_variable *help_variables(unsigned *ret_count)
{
    static const struct help_variable variables[] = {
        {"DROVER_API", "the operator API's URL; --api comes first"},
        {"DROVER_TOKEN", "the operator's token; --token-file comes first"},
        {"DROVER_TOKEN_FILE", "the file with the operator's token, when DROVER_TOKEN is not set"},
        {"DROVER_CA_FILE", "the authorities of the operator API's certificate (PEM), instead of the system's"},
        {"DROVER_CERTIFICATE_FILE", "a client certificate and its key for the operator API (PEM, both in one file)"},
        {"DROVER_PASSPHRASE_FILE", "the file whose first line is the passphrase or PIN of keys; --passphrase-file comes first"},
        {"SOURCE_DATE_EPOCH", "package create: the build time in seconds since 1970, when --build-time is not given"},
        {"PKCS11_MODULE_PATH", "the PKCS#11 module behind keys pkcs11:..., when the URI names none"},
        {"NO_COLOR", "no colours when it is set and not empty"},
    };

    *ret_count = sizeof variables / sizeof variables[0];
    return variables;
}

void help_option_usage(const struct option_row *row, char *ret)
{
    char letter[8] = "";

    if (row->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
    (void)snprintf(ret, OPTION_USAGE_SIZE, "%s--%s%s%s", letter, row->name, row->placeholder ? " " : "",
                   row->placeholder ? row->placeholder : "");
}

/* Words of the text with an indent before each line, broken at COLUMNS; a line feed in it ends a paragraph. */
static void wrapped(const char *text, unsigned indent, unsigned column, FILE *out)
{
    while (*text) {
        size_t word = strcspn(text, " \n");

        if (column > indent && column + 1 + word > COLUMNS) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        fprintf(out, "%s%.*s", column > indent ? " " : "", (int)word, text);
        column += (unsigned)word + (column > indent ? 1 : 0);
        text += word;
        if (*text == '\n') {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        text += *text ? 1 : 0;
    }
    fputc('\n', out);
}

static void entry(const char *name, unsigned width, const char *text, FILE *out)
{
    fprintf(out, "  %-*s", (int)width, name);
    if (strlen(name) + 1 > width)
        fprintf(out, "\n  %*s", (int)width, "");
    wrapped(text, width + 2, width + 2, out);
}

/* The command's own options; NULL: the global ones. */
static void options_print(const struct command *command, FILE *out)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = option_row(id);
        char usage[OPTION_USAGE_SIZE], text[512];

        if (!option_is_of(command, id))
            continue;
        help_option_usage(row, usage);
        (void)snprintf(text, sizeof text, "%s%s%s", row->help, row->choices ? "; one of " : "", row->choices ? row->choices : "");
        entry(usage, 28, text, out);
    }
}

static void examples_print(const struct command *command, FILE *out)
{
    const char *examples = command->examples, *line;
    unsigned length;

    fputs("\nExamples:\n", out);
    while ((line = list_next(&examples, "\n", &length)), length > 0)
        fprintf(out, "  %.*s\n", (int)length, line);
}

/* What both the terminal and docs/cli.md show of a command. */
static void command_body(const struct command *command, FILE *out)
{
    char name[COMMAND_NAME_SIZE];

    command_name(command, name);
    fprintf(out, "Usage: drover %s%s%s%s\n\n", name, command->arguments[0] ? " " : "", command->arguments, command->options[0] ? " [OPTION]..." : "");
    wrapped(command->summary, 0, 0, out);
    if (command->help[0]) {
        fputc('\n', out);
        wrapped(command->help, 0, 0, out);
    }
    if (command->options[0]) {
        fputs("\nOptions:\n", out);
        options_print(command, out);
    }
    examples_print(command, out);
}

static void commands_print(const char *noun, FILE *out)
{
    unsigned count;
    const struct command *rows = commands(&count);

    for (unsigned i = 0; i < count; i++) {
        char name[COMMAND_NAME_SIZE], usage[128];

        if (noun && strcmp(noun, rows[i].noun) != 0)
            continue;
        command_name(&rows[i], name);
        (void)snprintf(usage, sizeof usage, "%s%s%s", name, rows[i].arguments[0] ? " " : "", rows[i].arguments);
        entry(usage, 40, rows[i].summary, out);
    }
}

static void exit_codes_print(FILE *out)
{
    unsigned count;
    const struct exit_code *codes = exit_codes(&count);

    for (unsigned i = 0; i < count; i++)
        fprintf(out, "  %2d  %s\n", (int)codes[i].code, codes[i].text);
}

static void variables_print(FILE *out)
{
    unsigned count;
    const struct help_variable *variables = help_variables(&count);

    for (unsigned i = 0; i < count; i++)
        entry(variables[i].name, 28, variables[i].help, out);
}

static void everything_briefly(FILE *out)
{
    fputs("Usage: drover NOUN VERB [ARGUMENT]... [OPTION]...\n\nThe operator's command line of Drover, which brings firmware to a fleet of devices.\n\n"
          "Commands:\n", out);
    commands_print(NULL, out);
    fputs("\nOptions of every command:\n", out);
    options_print(NULL, out);
    fputs("\nEnvironment:\n", out);
    variables_print(out);
    fputs("\nExit codes:\n", out);
    exit_codes_print(out);
    fputs("\nData goes to standard output; messages and progress go to standard error.\n`drover help NOUN VERB` says more about a command.\n", out);
}

enum cli_exit help_print(const char *noun, const struct command *command, FILE *out)
{
    if (command) {
        command_body(command, out);
        fputs("\nOptions of every command:\n", out);
        options_print(NULL, out);
    } else if (noun) {
        fprintf(out, "Usage: drover %s VERB [ARGUMENT]... [OPTION]...\n\nCommands:\n", noun);
        commands_print(noun, out);
        fprintf(out, "\n`drover help %s VERB` says more.\n", noun);
    } else {
        everything_briefly(out);
    }
    return CLI_OK;
}

void help_print_markdown(FILE *out)
{
    unsigned count;
    const struct command *rows = commands(&count);

    fputs("# The command line `drover`\n\n"
          "This file is printed by `drover help --all`; a test compares the two (`meson compile cli-docs-update` rewrites it).\n\n```\n", out);
    everything_briefly(out);
    fputs("```\n", out);
    for (unsigned i = 0; i < count; i++) {
        char name[COMMAND_NAME_SIZE];

        command_name(&rows[i], name);
        fprintf(out, "\n## drover %s\n\n```\n", name);
        command_body(&rows[i], out);
        fputs("```\n", out);
    }
}

enum cli_exit cmd_help(struct cli *cli)
{
    const char *noun = cli_argument(cli, 0), *verb = cli_argument(cli, 1);
    const struct command *command = noun ? command_find(noun, verb) : NULL;

    if (cli_given(cli, OPT_ALL)) {
        help_print_markdown(cli->output.stream);
        return CLI_OK;
    }
    if (cli_given(cli, OPT_MAN)) {
        help_print_man(cli->output.stream);
        return CLI_OK;
    }
    if (noun && !command && (verb || !command_noun_known(noun)))
        return cli_fail(cli, CLI_USAGE, "no command `%s%s%s`; `drover help` lists them", noun, verb ? " " : "", verb ? verb : "");
    return help_print(noun, command, cli->output.stream);
}
