/* The server's offset is the only truth: it is asked for at the start and after everything that went wrong. Failures in a
 * row without progress are counted; a part that arrives starts the count again, so that a long upload over a bad line ends. */
#include "cli/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/human.h"
#include "cli/package_print.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "common/backoff.h"
#include "common/clock.h"

#define PART_BYTES ((size_t)4 << 20)
#define FAILURES_MAX 6

struct upload {
    struct cli *cli;
    const char *path;
    int fd;
    char sha256[SHA256_HEX_SIZE];
    int64_t size, offset;
    bool complete;
    char *part;                 /* PART_BYTES */
    int64_t begun_mono_ms, begun_offset;
};

static void upload_draw(void *arg, int64_t sent)
{
    const struct upload *upload = arg;
    const char *slash = strrchr(upload->path, '/'), *name = slash ? slash + 1 : upload->path;
    int64_t done = upload->offset + sent, took_ms = clock_mono_ms() - upload->begun_mono_ms;
    struct buffer text;

    buffer_init(&text, 0);
    safe_text_add(&text, name, strlen(name));
    buffer_add_text(&text, ": ");
    human_bytes(&text, done);
    buffer_add_text(&text, " of ");
    human_bytes(&text, upload->size);
    if (took_ms > 500) {
        buffer_add_text(&text, ", ");
        human_bytes(&text, (done - upload->begun_offset) * 1000 / took_ms);
        buffer_add_text(&text, "/s");
    }
    if (!text.failed)
        progress_draw(&upload->cli->progress, done, upload->size, text.bytes);
    buffer_done(&text);
}

/* What the server says of its copy, in an answer to GET or PUT. */
static enum cli_exit standing_read(struct upload *upload, const struct api_answer *answer)
{
    int64_t offset = value_number(answer->json, "offset", -1), size = value_number(answer->json, "size", upload->size);

    /* size 0: a server that was started anew has the bytes, but does not know yet how many will come */
    if (offset < 0 || offset > upload->size || (size != 0 && size != upload->size))
        return cli_fail(upload->cli, CLI_FAILED, "%s: the server's copy has %lld of %lld bytes, ours has %lld", upload->path,
                        (long long)offset, (long long)size, (long long)upload->size);
    upload->offset = offset;
    upload->complete = value_bool(answer->json, "complete");
    return CLI_OK;
}

static enum cli_exit standing_ask(struct upload *upload)
{
    struct buffer path;
    struct api_answer answer;
    enum cli_exit code;

    buffer_init(&path, 0);
    buffer_add_format(&path, "/api/v1/uploads/%s", upload->sha256);
    code = api_call(&upload->cli->api, &(struct api_call){.method = "GET", .path = path.bytes, .repeatable = true}, &answer);
    if (!code) {
        code = standing_read(upload, &answer);
    } else if (code == CLI_NOT_FOUND) {
        upload->offset = 0;
        upload->complete = false;
        code = CLI_OK;
    } else {
        code = cli_refused(upload->cli, &answer);
    }
    api_answer_done(&answer);
    buffer_done(&path);
    return code;
}

static enum cli_exit part_read(struct upload *upload, size_t *ret_length)
{
    int64_t left = upload->size - upload->offset;
    size_t wanted = left > (int64_t)PART_BYTES ? PART_BYTES : (size_t)left, length = 0;

    while (length < wanted) {
        ssize_t got = pread(upload->fd, upload->part + length, wanted - length, upload->offset + (off_t)length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return cli_fail(upload->cli, CLI_FAILED, "%s: %s", upload->path, got ? strerror(errno) : "became shorter while it was read");
        length += (size_t)got;
    }
    *ret_length = length;
    return CLI_OK;
}

/* Sends what follows the offset. *ret_again: that failed in a way that asking and trying again may cure. */
static enum cli_exit part_send(struct upload *upload, bool *ret_again)
{
    struct buffer path;
    struct api_answer answer;
    size_t length = 0;
    enum cli_exit code = part_read(upload, &length);

    *ret_again = false;
    if (code)
        return code;
    buffer_init(&path, 0);
    buffer_add_format(&path, "/api/v1/uploads/%s?size=%lld&offset=%lld", upload->sha256, (long long)upload->size, (long long)upload->offset);
    code = api_call(&upload->cli->api,
                    &(struct api_call){.method = "PUT", .path = path.bytes, .body = upload->part, .length = length,
                                       .content_type = "application/octet-stream", .repeatable = true, .attempts = 1, .upload = true,
                                       .sent = upload_draw, .sent_arg = upload},
                    &answer);
    *ret_again = code == CLI_UNAVAILABLE || code == CLI_CONFLICT;
    if (!code)
        code = standing_read(upload, &answer);
    else if (!*ret_again)
        code = cli_refused(upload->cli, &answer);
    else
        cli_note(upload->cli, "%s: %s; going on from where the server stands", upload->path, answer.text.bytes);
    api_answer_done(&answer);
    buffer_done(&path);
    return code;
}

static enum cli_exit parts_send(struct upload *upload)
{
    unsigned failures = 0;

    while (!upload->complete) {
        int64_t before = upload->offset;
        bool again;
        enum cli_exit code = part_send(upload, &again);

        if (code && !again)
            return code;
        if (code && !api_sleep(&upload->cli->api, backoff_full_jitter_ms(200, 5000, failures, clock_random())))
            return cli_fail(upload->cli, CLI_TIMED_OUT, "%s: %lld of %lld bytes are there; run it again to go on", upload->path,
                            (long long)upload->offset, (long long)upload->size);
        if (code && (code = standing_ask(upload)))
            return code;
        failures = upload->offset > before ? 0 : failures + 1;
        if (!upload->complete && failures >= FAILURES_MAX)
            return cli_fail(upload->cli, CLI_UNAVAILABLE, "%s: no progress in %d tries; %lld of %lld bytes are there, run it again to go on",
                            upload->path, FAILURES_MAX, (long long)upload->offset, (long long)upload->size);
        upload_draw(upload, 0);
    }
    return CLI_OK;
}

enum cli_exit upload_package(struct cli *cli, int fd, const char *path, int64_t size, char *ret_sha256)
{
    struct upload upload = {.cli = cli, .path = path, .fd = fd, .size = size, .part = malloc(PART_BYTES), .begun_mono_ms = clock_mono_ms()};
    enum cli_exit code = upload.part ? CLI_OK : cli_fail(cli, CLI_FAILED, "out of memory");

    if (!code && !fd_sha256(fd, upload.sha256))
        code = cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    if (!code)
        code = standing_ask(&upload);
    if (!code && upload.complete)
        cli_note(cli, "%s: the server has it already", path);
    else if (!code && upload.offset > 0)
        cli_note(cli, "%s: going on at byte %lld of %lld", path, (long long)upload.offset, (long long)upload.size);
    upload.begun_offset = upload.offset;
    if (!code)
        code = parts_send(&upload);
    progress_clear(&cli->progress);
    memcpy(ret_sha256, upload.sha256, SHA256_HEX_SIZE);
    free(upload.part);
    return code;
}
