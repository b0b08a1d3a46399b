/* What is typed goes through the terminal itself, never through standard input, so that pipes stay usable. */
#include "cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/work.h"

static const char *secret_file(const struct cli *cli)
{
    const char *path = cli_text(cli, OPT_PASSPHRASE_FILE);

    if (!path && !cli_given(cli, OPT_PASSPHRASE))
        path = getenv("DROVER_PASSPHRASE_FILE");
    return path && path[0] ? path : NULL;
}

/* A line of the terminal; EINTR of a signal ends it. */
static bool line_read(int fd, char *ret, size_t size)
{
    size_t length = 0;
    char letter;

    while (!work_interrupted() && read(fd, &letter, 1) == 1 && letter != '\n')
        if (length + 1 < size)
            ret[length++] = letter;
    ret[length] = '\0';
    return !work_interrupted();
}

static bool terminal_ask(struct cli *cli, const char *what, char *ret, size_t size)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios old, quiet;
    struct work work;
    bool done = false;

    if (fd < 0)
        return false;
    work_begin(&work, cli, ""); /* an interrupt must not leave the terminal without echo */
    progress_clear(&cli->progress);
    if (tcgetattr(fd, &old) == 0) {
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        if (tcsetattr(fd, TCSAFLUSH, &quiet) == 0) {
            dprintf(fd, "%s: ", what);
            done = line_read(fd, ret, size);
            (void)tcsetattr(fd, TCSAFLUSH, &old);
            dprintf(fd, "\n");
        }
    }
    close(fd);
    return done && ret[0] != '\0';
}

static bool file_ask(struct cli *cli, const char *path, char *ret, size_t size)
{
    enum drover_error error = cli_first_line(path, ret, size);

    if (!error && ret[0] != '\0')
        return true;
    cli_fail(cli, CLI_FAILED, "passphrase file %s: %s", path, !error ? "its first line is empty" : error == DROVER_IO ? strerror(errno) : drover_error_text(error));
    return false;
}

static bool secret_ask(void *arg, const char *what, char *ret, size_t size)
{
    struct cli *cli = arg;
    const char *path = secret_file(cli);

    return path ? file_ask(cli, path, ret, size) : terminal_ask(cli, what, ret, size);
}

struct key_secret secret_source(struct cli *cli)
{
    return (struct key_secret){.ask = secret_ask, .arg = cli};
}

static enum cli_exit typed_twice(struct cli *cli, char secret[SECRET_SIZE])
{
    char again[SECRET_SIZE] = "";
    enum cli_exit code = CLI_OK;

    if (!terminal_ask(cli, "passphrase of the new key", secret, SECRET_SIZE) || !terminal_ask(cli, "the same again", again, sizeof again))
        code = cli_fail(cli, CLI_FAILED, "no passphrase was given (without a terminal: --passphrase-file)");
    else if (strcmp(secret, again) != 0)
        code = cli_fail(cli, CLI_FAILED, "the two passphrases differ");
    explicit_bzero(again, sizeof again);
    return code;
}

enum cli_exit secret_for_new_key(struct cli *cli, char secret[SECRET_SIZE], bool *ret_wanted)
{
    const char *path = secret_file(cli);

    *ret_wanted = path || cli_given(cli, OPT_PASSPHRASE);
    if (path)
        return file_ask(cli, path, secret, SECRET_SIZE) ? CLI_OK : CLI_FAILED;
    return *ret_wanted ? typed_twice(cli, secret) : CLI_OK;
}
