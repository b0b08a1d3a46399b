/* See install.h. */
#include "agent/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "firmware/package_file.h"
#include "firmware/unpack.h"

#define PIECE_BYTES 65536

struct install {
    struct slots *slots;
    const struct install_job *job;
    struct install_found *found;
    struct problem *problem;
};

static enum error_code refuse(struct problem *ret_problem, enum error_code code, const char *where, const char *what)
{
    (void)problem_set(ret_problem, DROVER_REFUSED, where, "%s", what);
    return code;
}

/* --- 1: what the package says --- */

static enum error_code trust_keep(struct install *install, const struct package_head *head)
{
    struct install_found *found = install->found;

    found->trust_bytes = malloc(head->trust_length);
    if (!found->trust_bytes)
        return refuse(install->problem, E_INTERNAL, "trust", "out of memory");
    memcpy(found->trust_bytes, head->trust_bytes, head->trust_length);
    found->trust_length = head->trust_length;
    return E_NONE;
}

static enum error_code head_prove(struct install *install, const struct package_head *head)
{
    struct trust newer;
    bool is_newer = false;
    enum error_code code = package_head_check(head, install->job->policy, &newer, &is_newer, install->problem);

    if (code == E_NONE && strcmp(head->manifest.version, install->job->version) != 0)
        code = refuse(install->problem, E_INCOMPATIBLE, "version", "the package is another version than was announced");
    if (code == E_NONE && is_newer)
        code = trust_keep(install, head);
    if (is_newer)
        trust_done(&newer);
    install->found->release_counter = head->manifest.release_counter;
    install->found->build_time_ms = head->manifest.build_time_ms;
    return code;
}

static enum error_code package_prove(struct install *install)
{
    struct package_file file;
    enum error_code code = package_file_open(install->job->staging_path, &file, install->problem);

    if (code != E_NONE)
        return code;
    code = head_prove(install, &file.head);
    package_file_close(&file);
    return code;
}

/* --- 2: its parts --- */

static enum error_code place_find(void *arg, const struct package_head *head, unsigned i, struct unpack_place *ret_place, struct problem *ret_problem)
{
    struct install *install = arg;
    const struct component *component = &head->manifest.components[i];
    bool patched = package_head_part(head, i).algorithm != DELTA_FULL;
    enum error_code code;

    code = slots_open_part(install->slots, component->name, component->size_bytes, patched, &ret_place->out_fd, ret_problem);
    if (code == E_NONE && patched)
        code = slots_open_base(install->slots, component->name, &ret_place->base_fd, ret_problem);
    if (code != E_NONE && ret_place->out_fd >= 0) {
        close(ret_place->out_fd);
        ret_place->out_fd = -1;
    }
    if (patched && (size_t)snprintf(ret_place->journal_path, sizeof ret_place->journal_path, "%s/patch-%u.journal", install->job->journal_dir, i) >= sizeof ret_place->journal_path)
        ret_place->journal_path[0] = '\0'; /* then it begins again */
    return code;
}

static enum error_code pieces_feed(struct install *install, struct unpack *unpack, int fd)
{
    struct problem *problem = install->problem;
    char *piece = malloc(PIECE_BYTES);
    enum error_code code = piece ? E_NONE : refuse(problem, E_INTERNAL, "package", "out of memory");
    ssize_t got = 1;

    while (code == E_NONE && got > 0) {
        if (slots_is_stopped(install->slots)) {
            code = refuse(problem, E_CANCELLED, "installation", "stopped");
            break;
        }
        got = read(fd, piece, PIECE_BYTES);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got < 0)
            code = refuse(problem, E_INSTALL, "package", strerror(errno));
        else if (got > 0)
            code = unpack_feed(unpack, piece, (size_t)got, problem);
    }
    free(piece);
    return code == E_NONE ? unpack_end(unpack, problem) : code;
}

static enum error_code parts_write(struct install *install)
{
    const struct unpack_places places = {place_find, install};
    struct unpack *unpack = unpack_new(install->job->policy, install->job->keys, &places);
    int fd = open(install->job->staging_path, O_RDONLY | O_CLOEXEC);
    enum error_code code;

    if (!unpack || fd < 0)
        code = refuse(install->problem, E_INTERNAL, "package", unpack ? strerror(errno) : "out of memory");
    else
        code = pieces_feed(install, unpack, fd);
    unpack_free(unpack);
    if (fd >= 0)
        close(fd);
    return code;
}

enum error_code install_run(struct slots *slots, const struct install_job *job, struct install_found *ret_found, struct problem *ret_problem)
{
    struct install install = {slots, job, ret_found, ret_problem};
    char manifest[SHA256_HEX_SIZE] = "";
    enum error_code code;

    *ret_found = (struct install_found){.trust_bytes = NULL};
    code = package_prove(&install);
    if (code == E_NONE)
        code = slots_begin(slots, ret_problem);
    if (code == E_NONE)
        code = parts_write(&install);
    if (code != E_NONE)
        return code;
    if (job->policy->manifest_sha256)
        text_hex(manifest, job->policy->manifest_sha256, SHA256_BYTES);
    return slots_finish(slots, job->version, manifest, ret_problem);
}

void install_found_done(struct install_found *found)
{
    free(found->trust_bytes);
    found->trust_bytes = NULL;
}
