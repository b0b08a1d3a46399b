/* The parser of the command line: driven by the table of commands, checks every value, keeps pointers into argv. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/commands.h"
#include "cli/option_value.h"
#include "common/buffer.h"

#define ARGUMENTS_MAX 4
#define REPEATED_MAX 256

struct invocation {
    const char *noun;                  /* first word, NULL when there is none */
    const struct command *command;     /* NULL with `help` when only a noun, or nothing, was given */
    const char *arguments[ARGUMENTS_MAX];
    unsigned argument_count;
    struct option_value options[OPTION_COUNT];
    struct repeated {                  /* options that may be given several times, in the order they came */
        enum option_id id;
        struct option_value value;
    } repeated[REPEATED_MAX];
    unsigned repeated_count;
    bool help;
};

/* CLI_OK, or CLI_USAGE with one line in *problem (untrusted words in it are still raw). */
MUST_USE enum cli_exit arguments_read(int argc, char *const *argv, struct invocation *ret, struct buffer *problem);
