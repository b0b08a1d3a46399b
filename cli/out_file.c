/* A temporary name in the same folder, fsync, then one rename: a reader sees the old file or the new one. */
#include "cli/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum cli_exit out_check(struct cli *cli, const char *path)
{
    struct stat facts;

    if (lstat(path, &facts) != 0)
        return errno == ENOENT ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return cli_fail(cli, CLI_FAILED, "%s: exists and is no regular file", path);
    if (!cli_given(cli, OPT_FORCE))
        return cli_fail(cli, CLI_FAILED, "%s: exists; --force replaces it", path);
    return CLI_OK;
}

char *out_join(const char *folder, const char *prefix, const char *name, const char *suffix)
{
    struct buffer path;

    buffer_init(&path, 0);
    buffer_add_format(&path, "%s%s%s%s%s", folder, folder[0] && folder[strlen(folder) - 1] != '/' ? "/" : "", prefix, name, suffix);
    return buffer_take(&path, NULL);
}

/* ".name.suffix" in the folder of path */
static char *hidden_name(const char *path, const char *suffix)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("");
    char *name = folder ? out_join(folder, ".", slash ? slash + 1 : path, suffix) : NULL;

    free(folder);
    return name;
}

static mode_t umask_now(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return mask;
}

char *out_temporary(struct cli *cli, const char *path)
{
    char *name = hidden_name(path, ".XXXXXX");
    int fd = name ? mkostemp(name, O_CLOEXEC) : -1;

    if (fd < 0) {
        cli_fail(cli, CLI_FAILED, "%s: %s", path, name ? strerror(errno) : "out of memory");
        free(name);
        return NULL;
    }
    close(fd);
    return name;
}

static enum cli_exit begin(struct cli *cli, struct out_file *file, mode_t mode)
{
    file->temporary = hidden_name(file->path, file->kept ? ".part" : ".XXXXXX");
    if (!file->temporary)
        return cli_fail(cli, CLI_FAILED, "out of memory");
    if (file->kept)
        file->fd = open(file->temporary, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    else
        file->fd = mkostemp(file->temporary, O_CLOEXEC);
    if (file->fd >= 0 && fchmod(file->fd, mode & ~umask_now()) == 0)
        return CLI_OK;
    cli_fail(cli, CLI_FAILED, "%s: %s", file->path, strerror(errno));
    out_done(file);
    return CLI_FAILED;
}

enum cli_exit out_open(struct cli *cli, const char *path, mode_t mode, bool kept, struct out_file *ret_file)
{
    enum cli_exit code = out_check(cli, path);

    *ret_file = (struct out_file){.fd = -1, .path = path, .kept = kept, .replaces = cli_given(cli, OPT_FORCE)};
    return code ? code : begin(cli, ret_file, mode);
}

/* Without --force even a file that came meanwhile is not replaced, where the file system can do that. */
static int rename_into_place(const struct out_file *file)
{
    if (file->replaces)
        return rename(file->temporary, file->path);
    if (renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
        return 0;
    return errno == EINVAL || errno == ENOSYS ? rename(file->temporary, file->path) : -1;
}

enum cli_exit out_commit(struct cli *cli, struct out_file *file)
{
    if (fsync(file->fd) != 0 || rename_into_place(file) != 0)
        return cli_fail(cli, CLI_FAILED, "%s: %s", file->path, strerror(errno));
    free(file->temporary);
    file->temporary = NULL;
    return CLI_OK;
}

void out_done(struct out_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->temporary && !file->kept && file->fd >= 0)
        unlink(file->temporary);
    free(file->temporary);
    *file = (struct out_file){.fd = -1};
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* Ends the file in every case. */
static enum cli_exit write_and_commit(struct cli *cli, struct out_file *file, const void *bytes, size_t length)
{
    enum cli_exit code;

    if (write_all(file->fd, bytes, length))
        code = out_commit(cli, file);
    else
        code = cli_fail(cli, CLI_FAILED, "%s: %s", file->path, strerror(errno));
    out_done(file);
    return code;
}

enum cli_exit out_write(struct cli *cli, const char *path, mode_t mode, const void *bytes, size_t length)
{
    struct out_file file;
    enum cli_exit code = out_open(cli, path, mode, false, &file);

    return code ? code : write_and_commit(cli, &file, bytes, length);
}

enum cli_exit out_replace(struct cli *cli, const char *path, mode_t mode, const void *bytes, size_t length)
{
    struct out_file file = {.fd = -1, .path = path, .replaces = true};
    enum cli_exit code = begin(cli, &file, mode);

    return code ? code : write_and_commit(cli, &file, bytes, length);
}
