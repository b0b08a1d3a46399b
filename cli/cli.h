/* One run of `drover`: what was asked, where data and messages go, and the connection to the server. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/api.h"
#include "cli/arguments.h"
#include "cli/output.h"
#include "cli/progress.h"

struct cli {
    const struct invocation *invocation;
    char command[COMMAND_NAME_SIZE];   /* "rollout start", for messages */
    bool quiet;
    struct output output;
    struct progress progress;
    struct api api;
};

/* The whole program; main() only calls it. */
int cli_main(int argc, char **argv);

/* The options and arguments of this run. */
bool cli_given(const struct cli *cli, enum option_id id);
const char *cli_text(const struct cli *cli, enum option_id id);                       /* NULL when not given */
int64_t cli_number(const struct cli *cli, enum option_id id, int64_t fallback);
/* An option that may be given several times: how often it was, and the text of each. */
unsigned cli_count(const struct cli *cli, enum option_id id);
const char *cli_text_at(const struct cli *cli, enum option_id id, unsigned at);      /* NULL: not that often */
int64_t cli_number_at(const struct cli *cli, enum option_id id, unsigned at);
const char *cli_argument(const struct cli *cli, unsigned at);

/* The first line of a file with a secret: DROVER_IO with errno, or DROVER_TOO_LONG. */
MUST_USE enum drover_error cli_first_line(const char *path, char *ret, size_t size);

/* Messages on standard error, made safe. A note is left out with --quiet; a failure never, and returns its code. */
void cli_note(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
enum cli_exit cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Says what went wrong with a call. */
enum cli_exit cli_refused(struct cli *cli, const struct api_answer *answer);

/* GET of a path; on failure it has been reported. The answer is freed with api_answer_done on every path. */
enum cli_exit cli_get(struct cli *cli, const char *path, struct api_answer *answer);
/* The same for a path that is put together. */
enum cli_exit cli_get_format(struct cli *cli, struct api_answer *answer, const char *format, ...) PRINTF_LIKE(3, 4);
/* POST of a JSON body (NULL: none); repeatable as in struct api_call. Otherwise like cli_get. */
enum cli_exit cli_post(struct cli *cli, const char *path, const struct buffer *body, bool repeatable, struct api_answer *answer);
