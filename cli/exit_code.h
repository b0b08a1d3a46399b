/* What `drover` ends with; see exit_code.def. */
#pragma once

enum cli_exit {
#define EXIT_CODE(name, number, text) CLI_##name = (number),
#include "cli/exit_code.def"
#undef EXIT_CODE
};

struct exit_code {
    enum cli_exit code;
    const char *text;
};

/* All of them in order, for help and man page. */
const struct exit_code *exit_codes(unsigned *ret_count);
/* The exit code for an HTTP status of the API. */
enum cli_exit exit_code_of_status(int status);
