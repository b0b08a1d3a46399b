/* Help in three shapes, all from the table of commands: for a terminal, as Markdown (docs/cli.md), as a manual page. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "cli/commands.h"

/* Of a command; command NULL: of a noun's verbs; noun NULL too: of everything, briefly. Returns CLI_OK. */
enum cli_exit help_print(const char *noun, const struct command *command, FILE *out);
void help_print_markdown(FILE *out);
void help_print_man(FILE *out);

/* An option as it is written: "-o, --output FORMAT"; into ret (64 bytes). */
#define OPTION_USAGE_SIZE 64
void help_option_usage(const struct option_row *row, char *ret);

/* What the environment may hold, for both references. */
struct help_variable {
    const char *name;
    const char *help;
};
const struct help_variable *help_variables(unsigned *ret_count);
