/* See install.h. The order: everything about the package is proved, then the slot is marked invalid, then proved bytes are written, then it is valid. */
#include "agent/install.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/text.h"
#include "firmware/package_file.h"
#include "firmware/unpack.h"

#define PIECE_BYTES 65536

struct install {
    struct install_job job;
    struct install_result result;
    pthread_t thread;
    int fd;
    atomic_bool stop, ended;
};

static enum error_code refuse(struct problem *ret_problem, enum error_code code, const char *where, const char *what)
{
    (void)problem_set(ret_problem, DROVER_REFUSED, where, "%s", what);
    return code;
}

/* --- 1: what the package says --- */

static enum error_code trust_keep(struct install_result *result, const struct package_head *head)
{
    result->trust_bytes = malloc(head->trust_length);
    if (!result->trust_bytes)
        return refuse(&result->problem, E_INTERNAL, "trust", "out of memory");
    memcpy(result->trust_bytes, head->trust_bytes, head->trust_length);
    result->trust_length = head->trust_length;
    return E_NONE;
}

static enum error_code head_prove(struct install *install, const struct package_head *head)
{
    struct install_result *result = &install->result;
    struct trust newer;
    bool is_newer = false;
    enum error_code code = package_head_check(head, install->job.policy, &newer, &is_newer, &result->problem);

    if (code == E_NONE && strcmp(head->manifest.version, install->job.version) != 0)
        code = refuse(&result->problem, E_INCOMPATIBLE, "version", "the package is another version than was announced");
    if (code == E_NONE && is_newer)
        code = trust_keep(result, head);
    if (is_newer)
        trust_done(&newer);
    result->release_counter = head->manifest.release_counter;
    result->build_time_ms = head->manifest.build_time_ms;
    return code;
}

static enum error_code package_prove(struct install *install)
{
    struct package_file file;
    enum error_code code = package_file_open(install->job.staging_path, &file, &install->result.problem);

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

    code = slots_open_part(install->job.slots, component->name, component->size_bytes, patched, &ret_place->out_fd, ret_problem);
    if (code == E_NONE && patched)
        code = slots_open_base(install->job.slots, component->name, &ret_place->base_fd, ret_problem);
    if (code != E_NONE && ret_place->out_fd >= 0) {
        close(ret_place->out_fd);
        ret_place->out_fd = -1;
    }
    if (patched && (size_t)snprintf(ret_place->journal_path, sizeof ret_place->journal_path, "%s/patch-%u.journal", install->job.journal_dir, i) >= sizeof ret_place->journal_path)
        ret_place->journal_path[0] = '\0'; /* then it begins again */
    return code;
}

static enum error_code pieces_feed(struct install *install, struct unpack *unpack, int fd)
{
    struct problem *problem = &install->result.problem;
    char *piece = malloc(PIECE_BYTES);
    enum error_code code = piece ? E_NONE : refuse(problem, E_INTERNAL, "package", "out of memory");
    ssize_t got = 1;

    while (code == E_NONE && got > 0) {
        if (atomic_load(&install->stop)) {
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
    struct unpack *unpack = unpack_new(install->job.policy, install->job.keys, &places);
    int fd = open(install->job.staging_path, O_RDONLY | O_CLOEXEC);
    enum error_code code;

    if (!unpack || fd < 0)
        code = refuse(&install->result.problem, E_INTERNAL, "package", unpack ? strerror(errno) : "out of memory");
    else
        code = pieces_feed(install, unpack, fd);
    unpack_free(unpack);
    if (fd >= 0)
        close(fd);
    return code;
}

static enum error_code run(struct install *install)
{
    const struct install_job *job = &install->job;
    char manifest[SHA256_HEX_SIZE] = "";
    enum error_code code = package_prove(install);

    if (code == E_NONE)
        code = slots_begin(job->slots, &install->result.problem);
    if (code == E_NONE)
        code = parts_write(install);
    if (code != E_NONE)
        return code;
    if (job->policy->manifest_sha256)
        text_hex(manifest, job->policy->manifest_sha256, SHA256_BYTES);
    return slots_finish(job->slots, job->version, manifest, &install->result.problem);
}

/* --- the thread --- */

static void *thread_run(void *arg)
{
    struct install *install = arg;
    uint64_t one = 1;

    install->result.code = run(install);
    atomic_store(&install->ended, true);
    while (write(install->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    return NULL;
}

struct install *install_start(const struct install_job *job)
{
    struct install *install = calloc(1, sizeof *install);
    sigset_t all, before;
    bool started;

    if (!install)
        return NULL;
    install->job = *job;
    install->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    started = install->fd >= 0 && pthread_create(&install->thread, NULL, thread_run, install) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        return install;
    if (install->fd >= 0)
        close(install->fd);
    free(install);
    return NULL;
}

int install_fd(const struct install *install)
{
    return install->fd;
}

bool install_ended(struct install *install, const struct install_result **ret_result)
{
    if (!atomic_load(&install->ended))
        return false;
    *ret_result = &install->result;
    return true;
}

void install_free(struct install *install)
{
    if (!install)
        return;
    atomic_store(&install->stop, true);
    (void)pthread_join(install->thread, NULL);
    close(install->fd);
    free(install->result.trust_bytes);
    free(install);
}
