/* drover package apply: what a device does with a package, on files: prove, decrypt, decompress, patch. Also bare patches. */
#include "cli/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/image_folder.h"
#include "cli/package_source.h"
#include "cli/work.h"
#include "firmware/patch.h"
#include "firmware/unpack.h"

#define PART_BYTES 65536

#define NEW_BYTES_MAX ((int64_t)1 << 40)   /* of what a bare patch makes: as an image in a package */

/* The image of one component among the --base's: NAME=PATH, a folder with NAME.img, or the only file. NULL: there is none. */
static char *base_path(const struct cli *cli, const char *name, bool is_only_one)
{
    const char *base;
    size_t length = strlen(name);

    for (unsigned i = 0; (base = cli_text_at(cli, OPT_BASE, i)); i++) {
        struct stat facts;

        if (strncmp(base, name, length) == 0 && base[length] == '=')
            return strdup(base + length + 1);
        if (stat(base, &facts) == 0 && S_ISDIR(facts.st_mode))
            return out_join(base, "", name, ".img");
        if (stat(base, &facts) == 0 && is_only_one)
            return strdup(base);
    }
    return NULL;
}

static enum error_code base_open(const struct cli *cli, const struct package_head *head, unsigned component, struct unpack_place *place, struct problem *ret_problem)
{
    const char *name = head->manifest.components[component].name;
    char *path = base_path(cli, name, head->manifest.component_count == 1);

    if (!path)
        return package_refuse(ret_problem, E_DELTA_BASE, name, "no --base has its image");
    place->base_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (place->base_fd < 0)
        package_refuse(ret_problem, E_DELTA_BASE, name, "%s", strerror(errno));
    free(path);
    return place->base_fd < 0 ? E_DELTA_BASE : E_NONE;
}

static enum error_code journal_name(struct image_folder *folder, const char *name, struct unpack_place *place, struct problem *ret_problem)
{
    char *path = image_journal_path(folder, name);
    bool fits = path && text_copy(place->journal_path, sizeof place->journal_path, path);

    free(path);
    return fits ? E_NONE : package_refuse(ret_problem, E_INSTALL, name, "the journal's path is too long");
}

/* What is gone on with may have been of a larger image: nothing of it may stay behind the end of this one. */
static bool rest_cut(int fd, int64_t size_bytes)
{
    struct stat facts;

    return fstat(fd, &facts) == 0 && (facts.st_size <= size_bytes || ftruncate(fd, size_bytes) == 0);
}

static enum error_code place_find(void *arg, const struct package_head *head, unsigned component, struct unpack_place *ret_place, struct problem *ret_problem)
{
    struct image_folder *folder = arg;
    const char *name = head->manifest.components[component].name;
    struct unpack_place place = {.out_fd = -1, .base_fd = -1};
    enum error_code code = E_NONE;

    if (image_begin(folder, component, name, ".img"))
        return package_refuse(ret_problem, E_CANCELLED, name, "refused");
    if (!rest_cut(folder->files[component].fd, head->manifest.components[component].size_bytes))
        return package_refuse(ret_problem, E_INSTALL, name, "%s", strerror(errno));
    if (package_head_part(head, component).algorithm != DELTA_FULL)
        code = base_open(folder->cli, head, component, &place, ret_problem);
    if (!code && folder->kept)
        code = journal_name(folder, name, &place, ret_problem);
    if (!code) {
        place.out_fd = fcntl(folder->files[component].fd, F_DUPFD_CLOEXEC, 3); /* unpack takes it; ours renames it later */
        if (place.out_fd < 0)
            code = package_refuse(ret_problem, E_INSTALL, name, "%s", strerror(errno));
    }
    if (code && place.base_fd >= 0)
        close(place.base_fd);
    if (!code)
        *ret_place = place;
    return code;
}

static enum cli_exit package_unpack(struct cli *cli, struct package_source *source, const struct package_policy *policy)
{
    struct image_folder folder;
    const struct unpack_places places = {.find = place_find, .arg = &folder};
    struct problem problem = {0};
    struct decrypt_keys keys;
    struct work work;
    enum error_code error;
    enum cli_exit code = image_folder_init(&folder, cli, cli_argument(cli, 1), cli_given(cli, OPT_JOURNAL));

    if (code)
        return code;
    work_begin(&work, cli, "unpacking");
    code = decrypt_keys_open(cli, &keys);
    if (!code) {
        error = unpack_fd(source->fd, policy, decrypt_keys_use(&keys), &places, &work.progress, &problem);
        if (error == E_CANCELLED && !folder.code && folder.kept)
            code = cli_fail(cli, CLI_FAILED, "interrupted; the same command goes on from here");
        else
            code = folder.code ? folder.code : work_refused(cli, source->name, error, &problem);
    }
    decrypt_keys_close(&keys);
    if (!code)
        code = images_commit(&folder);
    image_folder_done(&folder);
    return code;
}

static enum cli_exit package_apply(struct cli *cli, const char *path)
{
    struct package_policy policy = {0};
    struct package_source source;
    struct trust trust;
    enum cli_exit code = package_source_open(cli, path, &source);

    if (code)
        return code;
    code = trust_open_noted(cli, &trust, &policy);
    if (!code)
        code = package_unpack(cli, &source, &policy);
    trust_done(&trust);
    package_source_close(&source);
    return code;
}

static enum error_code patch_feed(struct patch_apply *apply, int fd, struct work *work, struct problem *ret_problem)
{
    struct stat facts;
    char part[PART_BYTES];
    int64_t done = 0, total = fstat(fd, &facts) == 0 ? facts.st_size : -1;
    enum error_code code = E_NONE;

    while (!code) {
        ssize_t got = pread(fd, part, sizeof part, done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return package_refuse(ret_problem, E_INSTALL, "patch", "%s", strerror(errno));
        if (got == 0)
            return patch_apply_end(apply, ret_problem);
        done += got;
        code = patch_apply_feed(apply, part, (size_t)got, ret_problem);
        if (!code && !work->progress.show(work->progress.arg, done, total))
            code = package_refuse(ret_problem, E_CANCELLED, "patch", "interrupted");
    }
    return code;
}

struct bare_patch {
    int fd;
    enum patch_format format;
    int64_t new_bytes;
};

static enum cli_exit patch_to(struct cli *cli, const struct bare_patch *patch, int base_fd, const char *out)
{
    struct patch_apply *apply = NULL;
    struct problem problem = {0};
    struct out_file file;
    struct stat facts;
    struct work work;
    enum error_code error;
    enum cli_exit code = out_open(cli, out, OUT_MODE, false, &file);

    if (!code && fstat(base_fd, &facts) != 0)
        code = cli_fail(cli, CLI_FAILED, "--base: %s", strerror(errno));
    if (!code) {
        const struct patch_target target = {.base_fd = base_fd, .base_bytes = facts.st_size, .out_fd = file.fd, .out_bytes = patch->new_bytes};

        work_begin(&work, cli, "patching");
        error = patch_apply_new(patch->format, &target, &apply, &problem);
        if (!error)
            error = patch_feed(apply, patch->fd, &work, &problem);
        code = work_refused(cli, NULL, error, &problem);
        patch_apply_free(apply);
    }
    if (!code)
        code = out_commit(cli, &file);
    out_done(&file);
    return code;
}

static enum cli_exit patch_apply(struct cli *cli, const struct bare_patch *patch)
{
    const char *base = cli_text_at(cli, OPT_BASE, 0);
    int base_fd = base ? open(base, O_RDONLY | O_CLOEXEC) : -1;
    int failed_with = errno;
    enum cli_exit code;

    if (trust_given(cli)) /* whoever asks for a proof must not get a patch in the place of a package */
        code = cli_fail(cli, CLI_REFUSED, "E_SIGNATURE: %s: a bare patch, which nobody can have signed; a package is wanted with --trust or --public-key", cli_argument(cli, 0));
    else if (cli_given(cli, OPT_DECRYPT_KEY))
        code = cli_fail(cli, CLI_USAGE, "--decrypt-key: a bare patch is not encrypted");
    else if (!base || cli_count(cli, OPT_BASE) != 1)
        code = cli_fail(cli, CLI_USAGE, "a bare patch needs one --base: the old file");
    else if (cli_given(cli, OPT_JOURNAL))
        code = cli_fail(cli, CLI_USAGE, "--journal: a bare patch has no digest to go on by");
    else if (patch->new_bytes < 0 || patch->new_bytes > NEW_BYTES_MAX)
        code = cli_fail(cli, CLI_REFUSED, "E_INCOMPATIBLE: %s: %s", cli_argument(cli, 0),
                        patch->new_bytes < 0 ? "does not say how large the new file is" : "says that the new file is larger than 1 TiB");
    else if (base_fd < 0)
        code = cli_fail(cli, CLI_FAILED, "%s: %s", base, strerror(failed_with));
    else
        code = patch_to(cli, patch, base_fd, cli_argument(cli, 1));
    if (base_fd >= 0)
        close(base_fd);
    return code;
}

/* A bare patch is known by its first bytes; whatever else it is, the package's reader judges. */
enum cli_exit cmd_package_apply(struct cli *cli)
{
    const char *path = cli_argument(cli, 0);
    struct bare_patch patch = {0};
    uint8_t start[32] = {0};
    int fd = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : pread(fd, start, sizeof start, 0);
    enum cli_exit code;

    if (got > 0 && patch_format_detect(start, (size_t)got, &patch.format)) {
        patch.fd = fd;
        patch.new_bytes = patch_announced_bytes(start, (size_t)got);
        code = patch_apply(cli, &patch);
    } else {
        code = package_apply(cli, path);
    }
    if (fd >= 0)
        close(fd);
    return code;
}
