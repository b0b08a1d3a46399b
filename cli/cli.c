/* From the command line to the function that does it and back to an exit code. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/safe_text.h"
#include "cli/work.h"
#include "common/clock.h"

#define API_DEFAULT "http://127.0.0.1:8081"
#define ANSWER_BYTES_MAX ((size_t)32 << 20)
#define TOKEN_FILE_SIZE 8192

bool cli_given(const struct cli *cli, enum option_id id)
{
    return cli->invocation->options[id].given;
}

const char *cli_text(const struct cli *cli, enum option_id id)
{
    return cli_given(cli, id) ? cli->invocation->options[id].text : NULL;
}

int64_t cli_number(const struct cli *cli, enum option_id id, int64_t fallback)
{
    return cli_given(cli, id) ? cli->invocation->options[id].number : fallback;
}

static const struct option_value *value_at(const struct cli *cli, enum option_id id, unsigned at)
{
    const struct invocation *invocation = cli->invocation;

    for (unsigned i = 0; i < invocation->repeated_count; i++)
        if (invocation->repeated[i].id == id && at-- == 0)
            return &invocation->repeated[i].value;
    return NULL;
}

unsigned cli_count(const struct cli *cli, enum option_id id)
{
    unsigned count = 0;

    while (value_at(cli, id, count))
        count++;
    return count;
}

const char *cli_text_at(const struct cli *cli, enum option_id id, unsigned at)
{
    const struct option_value *value = value_at(cli, id, at);

    return value ? value->text : NULL;
}

int64_t cli_number_at(const struct cli *cli, enum option_id id, unsigned at)
{
    const struct option_value *value = value_at(cli, id, at);

    return value ? value->number : 0;
}

const char *cli_argument(const struct cli *cli, unsigned at)
{
    return at < cli->invocation->argument_count ? cli->invocation->arguments[at] : NULL;
}

__attribute__((format(printf, 3, 0))) static void message_print(struct cli *cli, const char *command, const char *format, va_list args)
{
    struct buffer line;
    char *raw = NULL;

    if (vasprintf(&raw, format, args) < 0)
        return;
    buffer_init(&line, 0);
    safe_text_add(&line, raw, strlen(raw));
    progress_clear(&cli->progress);
    if (!line.failed)
        fprintf(stderr, "drover: %s%s%s\n", command, command[0] ? ": " : "", line.bytes ? line.bytes : "");
    buffer_done(&line);
    free(raw);
}

void cli_note(struct cli *cli, const char *format, ...)
{
    va_list args;

    if (cli->quiet)
        return;
    va_start(args, format);
    message_print(cli, "", format, args);
    va_end(args);
}

enum cli_exit cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    message_print(cli, cli->command, format, args);
    va_end(args);
    return code;
}

enum cli_exit cli_refused(struct cli *cli, const struct api_answer *answer)
{
    return cli_fail(cli, answer->code, "%s", answer->text.bytes ? answer->text.bytes : "");
}

enum cli_exit cli_get(struct cli *cli, const char *path, struct api_answer *answer)
{
    const struct api_call call = {.method = "GET", .path = path, .repeatable = true};

    return api_call(&cli->api, &call, answer) ? cli_refused(cli, answer) : CLI_OK;
}

enum cli_exit cli_get_format(struct cli *cli, struct api_answer *answer, const char *format, ...)
{
    struct buffer path;
    enum cli_exit code;
    va_list arguments;

    buffer_init(&path, 0);
    va_start(arguments, format);
    buffer_add_format_list(&path, format, arguments);
    va_end(arguments);
    code = cli_get(cli, path.bytes, answer);
    buffer_done(&path);
    return code;
}

enum cli_exit cli_post(struct cli *cli, const char *path, const struct buffer *body, bool repeatable, struct api_answer *answer)
{
    const struct api_call call = {
        .method = "POST", .path = path, .body = body ? body->bytes : "", .length = body ? body->length : 0, .repeatable = repeatable};

    return api_call(&cli->api, &call, answer) ? cli_refused(cli, answer) : CLI_OK;
}

static void server_is_away(void *arg, const char *why)
{
    cli_note(arg, "%s; trying again", why);
}

enum drover_error cli_first_line(const char *path, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, ret, size - 1);
    int kept = errno;

    if (fd >= 0)
        close(fd);
    errno = kept;
    if (got < 0)
        return DROVER_IO;
    if ((size_t)got == size - 1)
        return DROVER_TOO_LONG;
    ret[got] = '\0';
    ret[strcspn(ret, "\r\n")] = '\0';
    return DROVER_OK;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

/* --token-file, else the token in the environment, else the file named there. */
static enum cli_exit token_find(struct cli *cli, char *buffer, const char **ret_token)
{
    const char *path = cli_text(cli, OPT_TOKEN_FILE);
    enum drover_error error;

    *ret_token = path ? NULL : environment("DROVER_TOKEN");
    if (!path && !*ret_token)
        path = environment("DROVER_TOKEN_FILE");
    if (!path)
        return CLI_OK;
    error = cli_first_line(path, buffer, TOKEN_FILE_SIZE);
    if (error)
        return cli_fail(cli, CLI_USAGE, "token file %s: %s", path, error == DROVER_IO ? strerror(errno) : drover_error_text(error));
    *ret_token = buffer;
    return CLI_OK;
}

static enum cli_exit connect_prepare(struct cli *cli)
{
    const char *url = cli_text(cli, OPT_API), *token;
    char buffer[TOKEN_FILE_SIZE];
    struct problem problem;
    enum cli_exit code = token_find(cli, buffer, &token);

    if (code)
        return code;
    if (!url)
        url = environment("DROVER_API");
    cli->api.client = http_client_new(url ? url : API_DEFAULT, token, ANSWER_BYTES_MAX, &problem);
    explicit_bzero(buffer, sizeof buffer);
    if (!cli->api.client)
        return cli_fail(cli, CLI_USAGE, "%s: %s", problem.where, problem.what);
    http_client_secure(cli->api.client, environment("DROVER_CA_FILE"), environment("DROVER_CERTIFICATE_FILE"));
    if (cli_given(cli, OPT_TIMEOUT))
        cli->api.deadline_mono_ms = clock_mono_ms() + cli_number(cli, OPT_TIMEOUT, 0);
    return CLI_OK;
}

static bool color_is_wanted(const struct cli *cli, int fd)
{
    const char *term = environment("TERM");

    return isatty(fd) == 1 && term && strcmp(term, "dumb") != 0 && !environment("NO_COLOR") &&
           !cli_given(cli, OPT_NO_COLOR);
}

static enum cli_exit command_run(struct cli *cli)
{
    const struct command *command = cli->invocation->command;
    enum cli_exit code = command->offline ? CLI_OK : connect_prepare(cli);

    if (!code)
        code = command->run(cli);
    progress_clear(&cli->progress);
    if (!output_flush(&cli->output) && !code)
        code = cli_fail(cli, CLI_FAILED, "standard output: %s", cli->output.failed ? "out of memory" : strerror(errno));
    http_client_free(cli->api.client);
    return code;
}

static enum cli_exit usage(struct cli *cli, const struct invocation *invocation, const struct buffer *problem)
{
    char name[COMMAND_NAME_SIZE];

    cli_fail(cli, CLI_USAGE, "%s", problem->bytes ? problem->bytes : "");
    if (invocation->command) {
        command_name(invocation->command, name);
        fprintf(stderr, "Try `drover help %s`.\n", name);
    } else if (invocation->noun && command_noun_known(invocation->noun)) {
        fprintf(stderr, "Try `drover help %s`.\n", invocation->noun);
    } else {
        fputs("Try `drover help`.\n", stderr);
    }
    return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
    struct invocation invocation;
    struct cli cli = {.invocation = &invocation, .api = {.away = server_is_away}};
    struct buffer problem;
    enum cli_exit code;

    (void)setlocale(LC_CTYPE, "");
    buffer_init(&problem, 0);
    cli.api.away_arg = &cli;
    code = arguments_read(argc, argv, &invocation, &problem);
    if (code) {
        code = usage(&cli, &invocation, &problem);
    } else if (invocation.help) {
        code = help_print(invocation.noun, invocation.command, stdout);
    } else {
        command_name(invocation.command, cli.command);
        cli.quiet = cli_given(&cli, OPT_QUIET);
        output_init(&cli.output, stdout, (enum output_format)cli_number(&cli, OPT_OUTPUT, OUTPUT_TABLE), color_is_wanted(&cli, STDOUT_FILENO));
        progress_init(&cli.progress, stderr, cli.quiet);
        cli.progress.color = color_is_wanted(&cli, STDERR_FILENO);
        code = command_run(&cli);
    }
    buffer_done(&problem);
    work_pass_on_interrupt();
    return (int)code;
}
