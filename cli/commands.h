/* The table of commands: parser, help, man page, Markdown and bash completion are all made from it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/exit_code.h"

struct cli;

enum option_id {
#define OPTION(id, letter, name, placeholder, kind, most, min, max, choices, help) OPT_##id,
#include "cli/options.def"
#undef OPTION
    OPTION_COUNT
};
__extension__ typedef unsigned __int128 option_bits;   /* a command's options: bit id is option id */
_Static_assert(OPTION_COUNT <= 128, "a command's options are bits of an option_bits");

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_FILE,
    OPTION_ID,
    OPTION_VERSION,
    OPTION_INTEGER,
    OPTION_DURATION,   /* 90, 90s, 5m, 2h, 1d, 250ms; a bare number is seconds; its value is in ms */
    OPTION_CHOICE,
    OPTION_BYTES,      /* 4096, 64K, 4M, 1G */
    OPTION_TIME,       /* 2026-01-31, 2026-01-31T10:00:00Z, 2026-01-31T10:00:00+02:00, or seconds since 1970; its value is in ms */
    OPTION_DIGEST,     /* a SHA-256 in hex */
    OPTION_KEY,        /* a PEM file or a URI pkcs11:... */
    OPTION_EVENT,      /* the id of an event, or $ */
};

struct option_row {
    char letter;              /* 0: none */
    const char *name;
    const char *placeholder;  /* NULL: a flag */
    enum option_kind kind;
    unsigned most;            /* how often it may be given */
    int64_t min, max;
    const char *choices;      /* "a|b|c" */
    const char *help;
};

#define OPTION_BIT(id) ((option_bits)1 << OPT_##id)
/* Options that every command takes. */
#define OPTIONS_GLOBAL \
    (OPTION_BIT(HELP) | OPTION_BIT(API) | OPTION_BIT(TOKEN_FILE) | OPTION_BIT(OUTPUT) | OPTION_BIT(NO_COLOR) | \
     OPTION_BIT(QUIET) | OPTION_BIT(TIMEOUT))

struct command {
    const char *noun;
    const char *verb;        /* NULL: the noun alone is the command */
    const char *arguments;   /* "MODEL VERSION FILE"; "[TOPIC] [VERB]" are optional; "" for none */
    option_bits options;     /* beside the global ones */
    bool offline;            /* never talks to the server */
    enum cli_exit (*run)(struct cli *cli);
    const char *summary;     /* one line */
    const char *help;        /* sentences; a line feed ends a paragraph */
    const char *examples;    /* one command line each */
};

const struct command *commands(unsigned *ret_count);
/* verb NULL finds a command that is a noun alone. NULL: no such command. */
const struct command *command_find(const char *noun, const char *verb);
/* True when some command begins with this noun. */
bool command_noun_known(const char *noun);
const struct option_row *option_row(enum option_id id);
/* True when the command (NULL: none yet) takes the option. */
bool command_takes(const struct command *command, enum option_id id);
/* The next word of "a|b|c" or "A [B]" style lists: *list moves behind it; length 0 at the end. */
const char *list_next(const char **list, const char *separators, unsigned *ret_length);
/* "rollout start", "status": written into ret (32 bytes). */
#define COMMAND_NAME_SIZE 32
void command_name(const struct command *command, char *ret);
