/* drover events verify | export: the sealed event log and audit, checked entry by entry, or carried away with their seals. */
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

/* A seal that was noted down elsewhere. */
struct expectation {
    int64_t n;                     /* 0: none was */
    char sha256[SHA256_HEX_SIZE];
};

struct verification {
    struct cli *cli;
    struct expectation expected[SEALED_LOGS];
    struct event_chain chains[SEALED_LOGS];
    bool read[SEALED_LOGS];
    enum sealed_log log;           /* that is being looked at */
    struct problem problem;        /* what does not fit in it */
};

static enum cli_exit found(enum drover_error error)
{
    return !error ? CLI_OK : error == DROVER_MISMATCH || error == DROVER_SYNTAX ? CLI_ALTERED : CLI_FAILED;
}

static enum cli_exit seal_verify(void *arg, enum sealed_log log, const struct stream_entry *entry)
{
    struct verification *verification = arg;
    struct seal seal;
    enum drover_error error = seal_read(entry, &seal, &verification->problem);

    verification->log = log;
    return found(error ? error : event_chain_seal(&verification->chains[log], &seal, &verification->problem));
}

static enum cli_exit entry_verify(void *arg, enum sealed_log log, const struct stream_entry *entry)
{
    struct verification *verification = arg;

    verification->log = log;
    return found(event_chain_entry(&verification->chains[log], entry, &verification->problem));
}

static void number_put(struct cJSON *object, const char *name, int64_t number)
{
    (void)cJSON_AddNumberToObject(object, name, (double)number);
}

static void chain_put(struct cJSON *object, const struct event_chain *chain)
{
    struct cJSON *seal;

    if (chain->from[0]) {
        (void)cJSON_AddStringToObject(object, "from", chain->from);
        (void)cJSON_AddStringToObject(object, "to", chain->to);
    }
    number_put(object, "entries", chain->entries);
    number_put(object, "blocks", chain->blocks);
    number_put(object, "seals", chain->seals);
    number_put(object, "trimmed_blocks", chain->trimmed_blocks);
    number_put(object, "partial", chain->partial);
    number_put(object, "before", chain->before);
    number_put(object, "missed", chain->missed);
    number_put(object, "unsealed", chain->unsealed);
    seal = cJSON_AddObjectToObject(object, "seal");
    number_put(seal, "n", chain->seal.n);
    (void)cJSON_AddStringToObject(seal, "sha256", chain->seal.sha256);
}

static void result_print(const struct verification *verification)
{
    struct cJSON *result = cJSON_CreateObject();

    (void)cJSON_AddBoolToObject(result, "ok", true);
    chain_put(result, &verification->chains[SEALED_EVENTS]);
    (void)cJSON_AddBoolToObject(result, "audit_checked", verification->read[SEALED_AUDIT]);
    if (verification->read[SEALED_AUDIT])
        chain_put(cJSON_AddObjectToObject(result, "audit"), &verification->chains[SEALED_AUDIT]);
    output_object(&verification->cli->output, &verification_view, result, 0);
    cJSON_Delete(result);
}

static bool expectation_read(const char *text, size_t length, struct expectation *ret)
{
    const char *colon = memchr(text, ':', length);
    size_t before = colon ? (size_t)(colon - text) : 0;

    return colon && text_to_i64(text, before, 1, INT64_MAX, &ret->n) && text_is_hex(colon + 1, length - before - 1, SHA256_HEX_SIZE - 1) &&
           text_copy_n(ret->sha256, sizeof ret->sha256, colon + 1, length - before - 1);
}

/* "1044:9f86d0...", with "+17:2c26b4..." the audit's behind it: what -o name printed earlier. */
static enum cli_exit expectations_read(struct cli *cli, struct expectation ret[SEALED_LOGS])
{
    const char *text = cli_text(cli, OPT_EXPECT);
    size_t first = text ? strcspn(text, "+") : 0;

    if (!text || (expectation_read(text, first, &ret[SEALED_EVENTS]) &&
                  (text[first] == '\0' || expectation_read(text + first + 1, strlen(text + first + 1), &ret[SEALED_AUDIT]))))
        return CLI_OK;
    return cli_fail(cli, CLI_USAGE, "--expect: must be the number of a seal, a colon, and its digest in hex; then, perhaps, + and the same of the audit");
}

static enum cli_exit chains_end(struct verification *verification)
{
    enum cli_exit code = CLI_OK;

    for (unsigned log = 0; log < SEALED_LOGS && !code; log++) {
        verification->log = log;
        if (verification->read[log])
            code = found(event_chain_end(&verification->chains[log], &verification->problem));
        else if (verification->expected[log].n > 0)
            code = cli_fail(verification->cli, CLI_FAILED, "the audit, of which a seal is expected, cannot be read: the server gives it to admins only, and an older file has none");
    }
    return code;
}

static enum cli_exit verify_once(struct verification *verification, const char *file)
{
    const struct event_log_visitor visitor = {seal_verify, entry_verify, verification};
    enum cli_exit code = CLI_OK;

    verification->problem.what[0] = '\0';
    for (unsigned log = 0; log < SEALED_LOGS; log++)
        if (event_chain_init(&verification->chains[log], verification->expected[log].n, verification->expected[log].sha256) != DROVER_OK)
            code = cli_fail(verification->cli, CLI_FAILED, "out of memory");
    if (!code)
        code = event_log_walk(verification->cli, file, &visitor, verification->read);
    if (!code)
        code = chains_end(verification);
    for (unsigned log = 0; log < SEALED_LOGS; log++)
        event_chain_done(&verification->chains[log]);
    return code;
}

enum cli_exit cmd_events_verify(struct cli *cli)
{
    struct verification verification = {.cli = cli};
    const char *file = cli_argument(cli, 0);
    enum cli_exit code = expectations_read(cli, verification.expected);

    if (code)
        return code;
    code = verify_once(&verification, file);
    for (int i = 1; i < TRIES && code == CLI_ALTERED && !file; i++)
        code = verify_once(&verification, file);
    if (!code)
        result_print(&verification);
    else if (verification.problem.what[0])
        cli_fail(cli, code, "%s%s: %s", verification.log == SEALED_AUDIT ? "audit, " : "", verification.problem.where, verification.problem.what);
    return code;
}

/* --- export --- */

struct copy {
    struct cli *cli;
    int fd;
    const char *path;
    struct buffer lines;           /* not written yet */
    int64_t entries[SEALED_LOGS], seals[SEALED_LOGS];
    bool read[SEALED_LOGS];
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

static enum cli_exit line_copy(struct copy *copy, enum sealed_log log, bool is_seal, const struct stream_entry *entry)
{
    event_log_line(entry, log, is_seal, &copy->lines);
    return copy->lines.failed || copy->lines.length >= WRITE_BYTES ? lines_write(copy) : CLI_OK;
}

static enum cli_exit seal_copy(void *arg, enum sealed_log log, const struct stream_entry *entry)
{
    struct copy *copy = arg;

    copy->seals[log]++;
    return line_copy(copy, log, true, entry);
}

static enum cli_exit entry_copy(void *arg, enum sealed_log log, const struct stream_entry *entry)
{
    struct copy *copy = arg;

    copy->entries[log]++;
    return line_copy(copy, log, false, entry);
}

static enum cli_exit copy_all(struct copy *copy)
{
    const struct event_log_visitor visitor = {seal_copy, entry_copy, copy};
    enum cli_exit code = event_log_walk(copy->cli, NULL, &visitor, copy->read);

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

static void written_note(const struct copy *copy)
{
    cli_note(copy->cli, "%lld events and %lld seals written", (long long)copy->entries[SEALED_EVENTS], (long long)copy->seals[SEALED_EVENTS]);
    if (copy->read[SEALED_AUDIT])
        cli_note(copy->cli, "%lld entries of the audit and %lld seals written", (long long)copy->entries[SEALED_AUDIT], (long long)copy->seals[SEALED_AUDIT]);
    else
        cli_note(copy->cli, "without the audit, which the server gives to admins only");
}

enum cli_exit cmd_events_export(struct cli *cli)
{
    struct copy copy = {.cli = cli, .path = cli_argument(cli, 0), .fd = STDOUT_FILENO};
    enum cli_exit code;

    buffer_init(&copy.lines, 0);
    code = strcmp(copy.path, "-") == 0 ? copy_all(&copy) : copy_to_file(&copy);
    buffer_done(&copy.lines);
    if (!code)
        written_note(&copy);
    return code;
}
