/* See package_source.h. */
#include "cli/package_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/work.h"
#include "common/clock.h"
#include "common/text.h"
#include "firmware/bundle.h"
#include "firmware/permit.h"

#define BUNDLE_PACKAGE_MAX ((int64_t)16 << 30)
#define PERMIT_BYTES_MAX (128 * 1024)

enum cli_exit package_source_open(struct cli *cli, const char *path, struct package_source *ret_source)
{
    struct package_source source = {.name = path, .fd = -1};
    struct problem problem = {0};
    enum cli_exit code = CLI_OK;

    if (strcmp(path, "-") == 0) {
        source.name = "standard input";
        source.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        if (source.fd < 0)
            code = cli_fail(cli, CLI_FAILED, "standard input: %s", strerror(errno));
    } else {
        code = work_refused(cli, path, bundle_open(path, BUNDLE_PACKAGE_MAX, &source.fd, &problem), &problem);
    }
    source.seekable = !code && lseek(source.fd, 0, SEEK_CUR) >= 0;
    *ret_source = source;
    return code;
}

void package_source_close(struct package_source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
}

static enum error_code read_exactly(int fd, uint8_t *bytes, size_t length, struct problem *ret_problem)
{
    size_t done = 0;

    while (done < length) {
        ssize_t got = read(fd, bytes + done, length - done);

        if (got < 0 && errno == EINTR && !work_interrupted())
            continue;
        if (got < 0)
            return package_refuse(ret_problem, E_INSTALL, "input", "%s", strerror(errno));
        if (got == 0)
            return package_refuse(ret_problem, E_CRC, "package", "cut short: it ends in its metadata");
        done += (size_t)got;
    }
    return E_NONE;
}

/* A ZIP that comes through a pipe cannot be looked into; say so rather than "not our magic". */
static enum error_code zip_refuse(const uint8_t *bytes, struct problem *ret_problem)
{
    if (memcmp(bytes, "PK\003\004", 4) == 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "package", "a ZIP cannot be read from a pipe; give its file name");
    return E_NONE;
}

enum error_code source_head_read(struct package_source *source, struct source_head *ret_head, struct problem *ret_problem)
{
    uint8_t fixed[PACKAGE_HEADER_BYTES];
    struct package_header header;
    enum error_code code = read_exactly(source->fd, fixed, sizeof fixed, ret_problem);

    *ret_head = (struct source_head){0};
    if (!code)
        code = zip_refuse(fixed, ret_problem);
    if (!code)
        code = package_header_read(fixed, &header, ret_problem);
    if (code)
        return code;
    ret_head->length = PACKAGE_HEADER_BYTES + (size_t)header.metadata_bytes;
    ret_head->bytes = malloc(ret_head->length);
    if (!ret_head->bytes)
        return package_refuse(ret_problem, E_INTERNAL, "package", "out of memory");
    memcpy(ret_head->bytes, fixed, sizeof fixed);
    code = read_exactly(source->fd, ret_head->bytes + sizeof fixed, header.metadata_bytes, ret_problem);
    if (!code)
        code = package_head_read(ret_head->bytes, ret_head->length, &ret_head->head, ret_problem);
    ret_head->has_head = code == E_NONE;
    return code;
}

void source_head_done(struct source_head *head)
{
    if (head->has_head)
        package_head_done(&head->head);
    free(head->bytes);
    *head = (struct source_head){0};
}

enum cli_exit policy_of_options(struct cli *cli, struct package_policy *ret_policy, uint8_t manifest_sha256[SHA256_BYTES], struct buffer *permit)
{
    const char *digest = cli_text(cli, OPT_MANIFEST_SHA256), *path = cli_text(cli, OPT_PERMIT);
    enum cli_exit code = CLI_OK;

    buffer_init(permit, 0);
    *ret_policy = (struct package_policy){
        .model = cli_text(cli, OPT_MODEL),
        .hw_rev = cli_text_at(cli, OPT_HW_REV, 0),
        .current_version = cli_text(cli, OPT_CURRENT_VERSION),
        .release_counter_min = cli_number(cli, OPT_CURRENT_COUNTER, 0),
        .device_id = cli_text(cli, OPT_DEVICE),
        .rollout = cli_text(cli, OPT_ROLLOUT),
        .now_ms = cli_number(cli, OPT_NOW, clock_unix_ms()),
    };
    if (digest && text_unhex(manifest_sha256, SHA256_BYTES, digest))
        ret_policy->manifest_sha256 = manifest_sha256;
    if (path)
        code = small_file_read(cli, path, PERMIT_BYTES_MAX, permit);
    if (!code && path) {
        ret_policy->permit = permit->bytes ? permit->bytes : "";
        ret_policy->permit_length = permit->length;
    }
    return code;
}
