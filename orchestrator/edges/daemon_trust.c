/* See daemon_trust.h. */
#include "orchestrator/edges/daemon_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "firmware/trust.h"

#define TRUST_TEXT_MAX (4 * TRUST_BYTES_MAX)   /* as a signed document */

/* The whole file into a fresh block. */
static enum drover_error file_read_all(const char *path, char **ret_text, size_t *ret_length, struct problem *ret_problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = malloc(TRUST_TEXT_MAX + 1);
    size_t length = 0;
    ssize_t part = 0;

    while (fd >= 0 && text && length <= TRUST_TEXT_MAX && (part = read(fd, text + length, TRUST_TEXT_MAX + 1 - length)) > 0)
        length += (size_t)part;
    if (fd >= 0 && text && part >= 0 && length <= TRUST_TEXT_MAX) {
        close(fd);
        *ret_text = text;
        *ret_length = length;
        return DROVER_OK;
    }
    (void)problem_set(ret_problem, DROVER_IO, "release.trust", "%.60s: %s", path, length > TRUST_TEXT_MAX ? "too long" : strerror(errno));
    if (fd >= 0)
        close(fd);
    free(text);
    return length > TRUST_TEXT_MAX ? DROVER_TOO_LONG : DROVER_IO;
}

static enum drover_error facts_read(struct daemon_trust *trust, struct problem *ret_problem)
{
    struct problem problem = {.what = ""};
    uint8_t digest[SHA256_BYTES];
    struct trust store;
    enum drover_error error = trust_read(trust->text, trust->length, &store, &problem);

    if (error)
        return problem_set(ret_problem, error, "release.trust", "%.30s: %s", problem.where, problem.what);
    trust->version = store.version;
    trust->expires_ms = store.expires_ms;
    trust->wants_delta_signatures = store.thresholds[TRUST_DELTA] > 0;
    trust_done(&store);
    if (!sha256_of(trust->text, trust->length, digest))
        return problem_set(ret_problem, DROVER_MEMORY, "release.trust", "out of memory");
    text_hex(trust->sha256, digest, sizeof digest);
    return DROVER_OK;
}

enum drover_error daemon_trust_read(const char *path, struct daemon_trust *ret_trust, struct problem *ret_problem)
{
    struct daemon_trust trust = {.text = NULL};
    enum drover_error error;

    if (path[0]) {
        error = file_read_all(path, &trust.text, &trust.length, ret_problem);
        if (!error)
            error = facts_read(&trust, ret_problem);
        if (error) {
            daemon_trust_done(&trust);
            return error;
        }
    }
    *ret_trust = trust;
    return DROVER_OK;
}

void daemon_trust_done(struct daemon_trust *trust)
{
    free(trust->text);
    *trust = (struct daemon_trust){.text = NULL};
}
