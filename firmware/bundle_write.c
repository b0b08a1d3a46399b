/* Writing a bundle with libzip: the package stored as it is (it is compressed or encrypted already), its manifest as meta.json. The same
 * package always gives the same ZIP. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "common/text.h"
#include "firmware/bundle.h"
#include "firmware/file_io.h"
#include "firmware/package_file.h"

#define DOS_DATE_1980 (1 << 5 | 1)       /* 1980-01-01, the first day a ZIP can name; local time has no part in it */
#define REGULAR_FILE ((zip_uint32_t)(S_IFREG | 0644) << 16)

static enum error_code zip_failed(struct problem *ret_problem, zip_error_t *error)
{
    int system = zip_error_code_system(error);
    bool full = zip_error_system_type(error) == ZIP_ET_SYS && (system == ENOSPC || system == EDQUOT || system == EFBIG);

    return package_refuse(ret_problem, full ? E_NO_SPACE : E_INSTALL, "bundle", "%s", zip_error_strerror(error));
}

/* Takes the source, also on failure. */
static bool entry_add(zip_t *zip, const char *name, zip_source_t *source)
{
    zip_int64_t index;

    if (!source)
        return false;
    index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return false;
    }
    return zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0
           && zip_file_set_dostime(zip, (zip_uint64_t)index, 0, DOS_DATE_1980, 0) == 0
           && zip_file_set_external_attributes(zip, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX, REGULAR_FILE) == 0;
}

/* Through its own descriptor: what was opened is what is stored. libzip closes the stream. */
static zip_source_t *package_source(zip_t *zip, const struct package_file *file)
{
    int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "rb");
    zip_source_t *source = stream ? zip_source_filep(zip, stream, 0, file->size_bytes) : NULL;

    if (!source && stream)
        fclose(stream);
    else if (!stream && fd >= 0)
        close(fd);
    return source;
}

static enum error_code zip_fill(const char *path, const char *name_in_zip, const struct package_file *file, struct problem *ret_problem)
{
    int number = 0;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &number);
    enum error_code code;
    zip_error_t error;

    if (!zip) {
        zip_error_init_with_code(&error, number);
        code = zip_failed(ret_problem, &error);
        zip_error_fini(&error);
        return code;
    }
    if (entry_add(zip, name_in_zip, package_source(zip, file))
        && entry_add(zip, "meta.json", zip_source_buffer(zip, file->head.manifest_bytes, file->head.manifest_length, 0)) && zip_close(zip) == 0)
        return E_NONE;
    code = zip_failed(ret_problem, zip_get_error(zip));
    zip_discard(zip);
    return code;
}

static enum error_code put_in_place(const char *temporary, const char *path, struct problem *ret_problem)
{
    int fd = open(temporary, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0 && rename(temporary, path) == 0 && file_sync_folder(path);
    int kept = errno;

    if (fd >= 0)
        close(fd);
    return good ? E_NONE : package_refuse(ret_problem, kept == ENOSPC ? E_NO_SPACE : E_INSTALL, "bundle", "%.60s: %s", path, strerror(kept));
}

static enum error_code zip_write_whole(const struct package_file *file, const char *name_in_zip, const char *zip_path, struct problem *ret_problem)
{
    char temporary[PATH_MAX];
    int fd = file_beside(zip_path, temporary, sizeof temporary);
    enum error_code code;

    if (fd < 0)
        return package_refuse(ret_problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, "bundle", "%.60s: %s", zip_path, strerror(errno));
    close(fd);
    code = zip_fill(temporary, name_in_zip, file, ret_problem);
    if (!code)
        code = put_in_place(temporary, zip_path, ret_problem);
    if (code)
        (void)unlink(temporary);
    return code;
}

/* One that bundle_open will take, and that unpacks to a file of that name: a model, a version. */
static bool name_is_good(const char *name)
{
    size_t length = strlen(name);

    return length > strlen(".dfw") && length <= NAME_MAX && isalnum((unsigned char)name[0]) && text_is_word(name, length)
           && strcmp(name + length - strlen(".dfw"), ".dfw") == 0;
}

enum error_code bundle_write(const char *package_path, const char *name_in_zip, const char *zip_path, struct problem *ret_problem)
{
    struct package_file file;
    enum error_code code;

    if (!name_is_good(name_in_zip))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "bundle", "%.40s: not a name of letters, digits, '.', '_', '+', '-' that ends in .dfw", name_in_zip);
    code = package_file_open(package_path, &file, ret_problem);
    if (code)
        return code;
    code = zip_write_whole(&file, name_in_zip, zip_path, ret_problem);
    package_file_close(&file);
    return code;
}
