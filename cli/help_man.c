/* The manual page in mdoc(7), printed from the table of commands; cli/drover.1 is this output. */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

#define COLUMNS 64

/* Text for roff: backslashes and hyphens escaped, nothing that could begin a request. New sentences begin new lines. */
static void text(const char *words, size_t length, FILE *out)
{
    bool line_begins = true;
    size_t column = 0;

    for (size_t i = 0; i < length; i++) {
        bool sentence_ends = (words[i] == '.' || words[i] == ';') && i + 2 < length && words[i + 1] == ' ';

        if (words[i] == ' ' && column >= COLUMNS) {
            fputc('\n', out);
            line_begins = true;
            column = 0;
            continue;
        }
        column++;

        if (line_begins && (words[i] == '.' || words[i] == '\''))
            fputs("\\&", out);
        line_begins = false;
        if (words[i] == '\\')
            fputs("\\e", out);
        else if (words[i] == '-')
            fputs("\\-", out);
        else if (words[i] == '\n')
            fputs("\n.Pp\n", out);
        else
            fputc(words[i], out);
        if (words[i] == '\n') {
            line_begins = true;
            column = 0;
        }
        if (sentence_ends) {
            fputc('\n', out);
            line_begins = true;
            column = 0;
            i++;
        }
    }
    fputc('\n', out);
}

/* "MODEL VERSION" or "[NOUN]" as .Ar and .Op. */
static void arguments(const char *list, FILE *out)
{
    const char *name;
    unsigned length;

    while ((name = list_next(&list, " ", &length)), length > 0) {
        if (name[0] == '[')
            fprintf(out, ".Op Ar %.*s\n", (int)length - 2, name + 1);
        else
            fprintf(out, ".Ar %.*s\n", (int)length, name);
    }
}

/* In macros a long option is Fl with a further hyphen. */
static void option_head(const struct option_row *row, FILE *out)
{
    fputs(".It ", out);
    if (row->letter)
        fprintf(out, "Fl %c , ", row->letter);
    fprintf(out, "Fl Fl %s", row->name);
    if (row->placeholder)
        fprintf(out, " Ar %s", row->placeholder);
    fputc('\n', out);
}

static void choices(const char *list, FILE *out)
{
    const char *word;
    unsigned length;

    fputs(".Pp\nOne of", out);
    while ((word = list_next(&list, "|", &length)), length > 0)
        fprintf(out, "\n.Cm %.*s%s", (int)length, word, *list ? " ," : " .");
    fputc('\n', out);
}

static void options(const struct command *command, FILE *out)
{
    fputs(".Bl -tag -width Ds\n", out);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = option_row(id);

        if (!option_is_of(command, id))
            continue;
        option_head(row, out);
        text(row->help, strlen(row->help), out);
        if (row->choices)
            choices(row->choices, out);
    }
    fputs(".El\n", out);
}

static void command(const struct command *row, FILE *out)
{
    fprintf(out, ".Ss drover %s%s%s\n", row->noun, row->verb ? " " : "", row->verb ? row->verb : "");
    fprintf(out, ".Nm\n.Cm %s%s%s\n", row->noun, row->verb ? " " : "", row->verb ? row->verb : "");
    arguments(row->arguments, out);
    if (row->options[0])
        fputs(".Op Ar OPTION ...\n", out);
    fputs(".Pp\n", out);
    fputc(toupper((unsigned char)row->summary[0]), out);
    text(row->summary + 1, strlen(row->summary + 1), out);
    if (row->help[0]) {
        fputs(".Pp\n", out);
        text(row->help, strlen(row->help), out);
    }
    if (row->options[0])
        options(row, out);
}

static void examples(FILE *out)
{
    unsigned count, length;
    const struct command *rows = commands(&count);

    fputs(".Sh EXAMPLES\n", out);
    for (unsigned i = 0; i < count; i++) {
        const char *list = rows[i].examples, *line;

        while ((line = list_next(&list, "\n", &length)), length > 0) {
            fputs(".Dl ", out);
            text(line, length, out);
        }
    }
}

static void exit_status(FILE *out)
{
    unsigned count;
    const struct exit_code *codes = exit_codes(&count);

    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, ".It %d\n", (int)codes[i].code);
        text(codes[i].text, strlen(codes[i].text), out);
    }
    fputs(".El\n", out);
}

static void environment(FILE *out)
{
    unsigned count;
    const struct help_variable *variables = help_variables(&count);

    fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n", out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, ".It Ev %s\n", variables[i].name);
        text(variables[i].help, strlen(variables[i].help), out);
    }
    fputs(".El\n", out);
}

void help_print_man(FILE *out)
{
    unsigned count;
    const struct command *rows = commands(&count);

    fputs(".\\\" Printed by `drover help --man`; a test compares the two.\n"
          ".Dd $Mdocdate$\n.Dt DROVER 1\n.Os\n.Sh NAME\n.Nm drover\n.Nd operator's command line of the firmware orchestrator Drover\n"
          ".Sh SYNOPSIS\n.Nm\n.Ar NOUN\n.Op Ar VERB\n.Op Ar ARGUMENT ...\n.Op Ar OPTION ...\n"
          ".Sh DESCRIPTION\n.Nm\nadds releases, starts and follows rollouts,\nand says where each device of the fleet stands and why.\n"
          "It speaks to the operator API of\n.Xr droverd 8 .\n"
          "It also makes, signs, verifies and looks into packages, and keeps trust documents, all of that without a server.\n"
          ".Pp\nData goes to standard output.\nMessages and progress go to standard error,\nprogress only when that is a terminal.\n"
          ".Ss Options of every command\n", out);
    options(NULL, out);
    fputs(".Sh COMMANDS\n", out);
    for (unsigned i = 0; i < count; i++)
        command(&rows[i], out);
    environment(out);
    exit_status(out);
    examples(out);
    fputs(".Sh SEE ALSO\n.Xr droverd 8\n", out);
}
