/* The library asks after each piece of work whether to go on; there, and only there, an interrupt takes effect. */
#include "cli/work.h"

#include <signal.h>
#include <string.h>

#include "cli/human.h"

static volatile sig_atomic_t caught_signal;

static void signal_caught(int number)
{
    caught_signal = number;
}

/* SA_RESETHAND: the second one kills. No SA_RESTART: a read that waits ends. */
static void signals_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = signal_caught, .sa_flags = SA_RESETHAND}, old;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) /* nohup stays nohup */
            sigaction(numbers[i], &action, NULL);
}

bool work_interrupted(void)
{
    return caught_signal != 0;
}

void work_pass_on_interrupt(void)
{
    int number = caught_signal;

    if (!number)
        return;
    signal(number, SIG_DFL);
    raise(number);
}

static bool work_show(void *arg, int64_t done, int64_t total)
{
    struct work *work = arg;
    struct buffer text;

    buffer_init(&text, 0);
    buffer_add_format(&text, "%s: ", work->what);
    human_bytes(&text, done);
    if (total > 0) {
        buffer_add_text(&text, " of ");
        human_bytes(&text, total);
    }
    if (!text.failed)
        progress_draw(&work->cli->progress, done, total, text.bytes);
    buffer_done(&text);
    return !work_interrupted();
}

void work_begin(struct work *work, struct cli *cli, const char *what)
{
    *work = (struct work){.cli = cli, .what = what, .progress = {.show = work_show, .arg = work}};
    signals_catch();
}

/* Codes that say something of this machine, not of the package. */
static bool is_local(enum error_code code)
{
    return code == E_NO_SPACE || code == E_INSTALL || code == E_INTERNAL || code == E_CANCELLED;
}

/* "path: where: what", without what is missing or said twice */
static void place_write(struct buffer *out, const char *path, const struct problem *problem)
{
    bool named = problem->where[0] && (!path || strcmp(problem->where, path) != 0);

    if (path)
        buffer_add_format(out, "%s: ", path);
    buffer_add_format(out, "%s%s%s", named ? problem->where : "", named ? ": " : "", problem->what);
}

static enum cli_exit say(struct cli *cli, enum cli_exit exit, const char *prefix, const char *path, const struct problem *problem)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_add_text(&text, prefix);
    place_write(&text, path, problem);
    cli_fail(cli, exit, "%s", text.failed ? "out of memory" : text.bytes);
    buffer_done(&text);
    return exit;
}

enum cli_exit work_refused(struct cli *cli, const char *path, enum error_code code, const struct problem *problem)
{
    char prefix[64];

    if (code == E_NONE)
        return CLI_OK;
    if (code == E_CANCELLED || work_interrupted())
        return cli_fail(cli, CLI_FAILED, "interrupted; nothing was written");
    if (is_local(code))
        return say(cli, CLI_FAILED, "", path, problem);
    (void)snprintf(prefix, sizeof prefix, "%s: ", error_code_name(code));
    return say(cli, CLI_REFUSED, prefix, path, problem);
}

enum cli_exit work_failed(struct cli *cli, const char *path, enum drover_error error, const struct problem *problem)
{
    if (error == DROVER_OK)
        return CLI_OK;
    return say(cli, CLI_FAILED, "", path, problem);
}
