/* drover events verify | export: the sealed event log, checked entry by entry, or carried away with its seals. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/event_log.h"
#include "cli/out_file.h"
#include "cli/views.h"
#include "proto/event_chain.h"

#define TRIES 3                    /* the server trims while it is read: what does not fit is looked at again */
#define WRITE_BYTES (256u << 10)

/* --- verify --- */

struct verification {
    struct cli *cli;
    struct event_chain chain;
    struct problem problem;        /* what does not fit */
};

static enum cli_exit found(enum drover_error error)
{
    return !error ? CLI_OK : error == DROVER_MISMATCH || error == DROVER_SYNTAX ? CLI_ALTERED : CLI_FAILED;
}

static enum cli_exit seal_verify(void *arg, const struct stream_entry *entry)
{
    struct verification *verification = arg;
    struct seal seal;
    enum drover_error error = seal_read(entry, &seal, &verification->problem);

    return found(error ? error : event_chain_seal(&verification->chain, &seal, &verification->problem));
}

static enum cli_exit entry_verify(void *arg, const struct stream_entry *entry)
{
    struct verification *verification = arg;

    return found(event_chain_entry(&verification->chain, entry, &verification->problem));
}

static void number_put(struct cJSON *object, const char *name, int64_t number)
{
    (void)cJSON_AddNumberToObject(object, name, (double)number);
}

static void result_print(struct cli *cli, const struct event_chain *chain)
{
    struct cJSON *result = cJSON_CreateObject(), *seal;

    (void)cJSON_AddBoolToObject(result, "ok", true);
    if (chain->from[0]) {
        (void)cJSON_AddStringToObject(result, "from", chain->from);
        (void)cJSON_AddStringToObject(result, "to", chain->to);
    }
    number_put(result, "entries", chain->entries);
    number_put(result, "blocks", chain->blocks);
    number_put(result, "seals", chain->seals);
    number_put(result, "trimmed_blocks", chain->trimmed_blocks);
    number_put(result, "partial", chain->partial);
    number_put(result, "before", chain->before);
    number_put(result, "missed", chain->missed);
    number_put(result, "unsealed", chain->unsealed);
    seal = cJSON_AddObjectToObject(result, "seal");
    number_put(seal, "n", chain->seal.n);
    (void)cJSON_AddStringToObject(seal, "sha256", chain->seal.sha256);
    output_object(&cli->output, &verification_view, result, 0);
    cJSON_Delete(result);
}

/* "1044:9f86d0...": a seal that was noted down earlier. */
static enum cli_exit expectation_read(struct cli *cli, int64_t *ret_n, char *ret_sha256)
{
    const char *text = cli_text(cli, OPT_EXPECT), *colon = text ? strchr(text, ':') : NULL;

    *ret_n = 0;
    ret_sha256[0] = '\0';
    if (!text)
        return CLI_OK;
    if (!colon || !text_to_i64(text, (size_t)(colon - text), 1, INT64_MAX, ret_n) || !text_is_hex(colon + 1, strlen(colon + 1), SHA256_HEX_SIZE - 1))
        return cli_fail(cli, CLI_USAGE, "--expect: must be the number of a seal, a colon, and its digest in hex");
    (void)text_copy(ret_sha256, SHA256_HEX_SIZE, colon + 1);
    return CLI_OK;
}

static enum cli_exit verify_once(struct verification *verification, const char *file, int64_t n, const char *sha256)
{
    const struct event_log_visitor visitor = {seal_verify, entry_verify, verification};
    enum cli_exit code;

    verification->problem.what[0] = '\0';
    if (event_chain_init(&verification->chain, n, sha256) != DROVER_OK)
        return cli_fail(verification->cli, CLI_FAILED, "out of memory");
    code = event_log_walk(verification->cli, file, &visitor);
    if (!code)
        code = found(event_chain_end(&verification->chain, &verification->problem));
    event_chain_done(&verification->chain);
    return code;
}

enum cli_exit cmd_events_verify(struct cli *cli)
{
    struct verification verification = {.cli = cli};
    const char *file = cli_argument(cli, 0);
    char sha256[SHA256_HEX_SIZE];
    int64_t n;
    enum cli_exit code = expectation_read(cli, &n, sha256);

    if (code)
        return code;
    code = verify_once(&verification, file, n, sha256);
    for (int i = 1; i < TRIES && code == CLI_ALTERED && !file; i++)
        code = verify_once(&verification, file, n, sha256);
    if (!code)
        result_print(cli, &verification.chain);
    else if (verification.problem.what[0])
        cli_fail(cli, code, "%s: %s", verification.problem.where, verification.problem.what);
    return code;
}

/* --- export --- */

struct copy {
    struct cli *cli;
    int fd;
    const char *path;
    struct buffer lines;           /* not written yet */
    int64_t entries, seals;
};

static enum cli_exit lines_write(struct copy *copy)
{
    size_t written = 0;

    if (copy->lines.failed)
        return cli_fail(copy->cli, CLI_FAILED, "out of memory");
    while (written < copy->lines.length) {
        ssize_t got = write(copy->fd, copy->lines.bytes + written, copy->lines.length - written);

        if (got < 0 && errno != EINTR)
            return cli_fail(copy->cli, CLI_FAILED, "%s: %s", copy->path, strerror(errno));
        written += got > 0 ? (size_t)got : 0;
    }
    buffer_clear(&copy->lines);
    return CLI_OK;
}

static enum cli_exit line_copy(struct copy *copy, const struct stream_entry *entry, bool is_seal)
{
    event_log_line(entry, is_seal, &copy->lines);
    return copy->lines.failed || copy->lines.length >= WRITE_BYTES ? lines_write(copy) : CLI_OK;
}

static enum cli_exit seal_copy(void *arg, const struct stream_entry *entry)
{
    struct copy *copy = arg;

    copy->seals++;
    return line_copy(copy, entry, true);
}

static enum cli_exit entry_copy(void *arg, const struct stream_entry *entry)
{
    struct copy *copy = arg;

    copy->entries++;
    return line_copy(copy, entry, false);
}

static enum cli_exit copy_all(struct copy *copy)
{
    const struct event_log_visitor visitor = {seal_copy, entry_copy, copy};
    enum cli_exit code = event_log_walk(copy->cli, NULL, &visitor);

    return code ? code : lines_write(copy);
}

static enum cli_exit copy_to_file(struct copy *copy)
{
    struct out_file file;
    enum cli_exit code = out_check(copy->cli, copy->path);

    if (!code)
        code = out_open(copy->cli, copy->path, OUT_MODE, false, &file);
    if (code)
        return code;
    copy->fd = file.fd;
    code = copy_all(copy);
    if (!code)
        code = out_commit(copy->cli, &file);
    out_done(&file);
    return code;
}

enum cli_exit cmd_events_export(struct cli *cli)
{
    struct copy copy = {.cli = cli, .path = cli_argument(cli, 0), .fd = STDOUT_FILENO};
    enum cli_exit code;

    buffer_init(&copy.lines, 0);
    code = strcmp(copy.path, "-") == 0 ? copy_all(&copy) : copy_to_file(&copy);
    buffer_done(&copy.lines);
    if (!code)
        cli_note(cli, "%lld events and %lld seals written", (long long)copy.entries, (long long)copy.seals);
    return code;
}
