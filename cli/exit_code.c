/* The list of exit codes for help texts, and which one an HTTP status becomes. */
#include "cli/exit_code.h"

#include <stddef.h>

const struct exit_code *exit_codes(unsigned *ret_count)
{
    static const struct exit_code codes[] = {
#define EXIT_CODE(name, number, text) {CLI_##name, (text)},
#include "cli/exit_code.def"
#undef EXIT_CODE
    };

    *ret_count = sizeof codes / sizeof codes[0];
    return codes;
}

enum cli_exit exit_code_of_status(int status)
{
    static const struct {
        int status;
        enum cli_exit code;
    } rows[] = {
        {401, CLI_DENIED}, {403, CLI_DENIED}, {404, CLI_NOT_FOUND}, {409, CLI_CONFLICT}, {412, CLI_CONFLICT},
        {429, CLI_UNAVAILABLE}, {502, CLI_UNAVAILABLE}, {503, CLI_UNAVAILABLE}, {504, CLI_UNAVAILABLE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].code;
    return status >= 200 && status < 300 ? CLI_OK : CLI_FAILED;
}
