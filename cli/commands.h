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
#define OPTION_LAST_GLOBAL OPT_TIMEOUT
#define OPTIONS_MAX 18   /* of one command, beside the global ones */
_Static_assert(OPTION_COUNT <= UINT8_MAX && OPT_HELP == 0, "a command's options are bytes, and a global one ends them");

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

struct command {
    const char *noun;
    const char *verb;        /* NULL: the noun alone is the command */
    const char *arguments;   /* "MODEL VERSION FILE"; "[TOPIC] [VERB]" are optional; "" for none */
    uint8_t options[OPTIONS_MAX]; /* option_ids beside the global ones, then 0 */
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
/* True when the option is one of the command's own (NULL: one of the global ones). */
bool option_is_of(const struct command *command, enum option_id id);
/* True when the command (NULL: none yet) takes the option, its own or a global one. */
bool command_takes(const struct command *command, enum option_id id);
/* The next word of "a|b|c" or "A [B]" style lists: *list moves behind it; length 0 at the end. */
const char *list_next(const char **list, const char *separators, unsigned *ret_length);
/* "rollout start", "status": written into ret (32 bytes). */
#define COMMAND_NAME_SIZE 32
void command_name(const struct command *command, char *ret);
