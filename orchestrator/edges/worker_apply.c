/* A derived delta is applied once before anybody else gets it: the base's images are unpacked, the delta is applied to them, and what comes
 * out must have the digests of the signed manifest. All of it lies in files without names, one result at a time, so that nothing is left. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/unpack.h"
#include "orchestrator/edges/worker_inside.h"

struct trial {
    const char *folder;
    const struct package_head *base;         /* the full package of the base */
    int base_fds[PACKAGE_COMPONENTS_MAX];    /* its images; -1: not unpacked */
};

static int file_make(const char *folder)
{
    char path[WORKER_PATH_SIZE + 32];
    int fd;

    (void)snprintf(path, sizeof path, "%s/image.XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static enum error_code file_refuse(struct problem *ret_problem)
{
    return package_refuse(ret_problem, errno == ENOSPC || errno == EDQUOT ? E_NO_SPACE : E_INTERNAL, "delta", "no file to try it with: %s",
                          strerror(errno));
}

/* The image goes to a file that stays open here. */
static enum error_code base_place(void *arg, const struct package_head *head, unsigned component, struct unpack_place *ret_place,
                                  struct problem *ret_problem)
{
    struct trial *trial = arg;

    (void)head;
    ret_place->out_fd = file_make(trial->folder);
    if (ret_place->out_fd < 0)
        return file_refuse(ret_problem);
    trial->base_fds[component] = fcntl(ret_place->out_fd, F_DUPFD_CLOEXEC, 0);
    return trial->base_fds[component] >= 0 ? E_NONE : file_refuse(ret_problem);
}

/* Components are paired by name. -1: the base has none of this name. */
static int base_fd(const struct trial *trial, const char *name)
{
    for (unsigned i = 0; i < trial->base->manifest.component_count; i++)
        if (strcmp(trial->base->manifest.components[i].name, name) == 0)
            return fcntl(trial->base_fds[i], F_DUPFD_CLOEXEC, 0);
    return -1;
}

/* The result is only looked at: its file is gone when it is closed. */
static enum error_code result_place(void *arg, const struct package_head *head, unsigned component, struct unpack_place *ret_place,
                                    struct problem *ret_problem)
{
    struct trial *trial = arg;

    ret_place->out_fd = file_make(trial->folder);
    if (ret_place->out_fd < 0)
        return file_refuse(ret_problem);
    ret_place->base_fd = base_fd(trial, head->manifest.components[component].name);
    return E_NONE;
}

/* The base was verified when it was released, and may have expired since: its digests suffice, and those the delta names must be the same. */
static enum error_code base_unpack(struct trial *trial, const struct package_file *from, struct problem *ret_problem)
{
    const struct unpack_places places = {base_place, trial};
    const struct package_policy digests_alone = {0};

    if (lseek(from->fd, 0, SEEK_SET) != 0)
        return package_refuse(ret_problem, E_INTERNAL, "base", "cannot be read: %s", strerror(errno));
    return unpack_fd(from->fd, &digests_alone, NULL, &places, NULL, ret_problem);
}

static enum error_code delta_apply(const struct worker *worker, struct trial *trial, const char *path, struct problem *ret_problem)
{
    const struct package_policy policy = {.trust = &worker->trust, .now_ms = worker->task->now_ms};
    const struct unpack_places places = {result_place, trial};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum error_code code;

    if (fd < 0)
        return file_refuse(ret_problem);
    code = unpack_fd(fd, &policy, NULL, &places, NULL, ret_problem);
    close(fd);
    return code;
}

enum error_code worker_apply(const struct worker *worker, const struct package_file *from, const char *path, struct problem *ret_problem)
{
    struct trial trial = {.folder = worker->task->folder, .base = &from->head};
    enum error_code code;

    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        trial.base_fds[i] = -1;
    code = base_unpack(&trial, from, ret_problem);
    if (!code)
        code = delta_apply(worker, &trial, path, ret_problem);
    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        if (trial.base_fds[i] >= 0)
            close(trial.base_fds[i]);
    return code;
}
