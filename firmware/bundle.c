/* Opening what a command was given: a package as it is, or the one inside a ZIP. The package is copied out before anything else looks at it,
 * so what is checked later is what is read later, whatever happens to the ZIP meanwhile. */
#include "firmware/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buffer.h"
#include "firmware/file_io.h"
#include "firmware/zip_read.h"

#define PACKAGE_SUFFIX ".dfw"
#define DOCUMENT_NAME "meta.json"

static bool is_zip(int fd)
{
    static const char entry[] = {'P', 'K', 3, 4}, nothing[] = {'P', 'K', 5, 6}; /* the second begins a ZIP without entries */
    char magic[4];
    size_t got;

    return file_read_at(fd, magic, sizeof magic, 0, &got) && got == sizeof magic
           && (memcmp(magic, entry, sizeof magic) == 0 || memcmp(magic, nothing, sizeof magic) == 0);
}

/* A file without a name, gone when it is closed. */
static int temporary_open(void)
{
    const char *folder = secure_getenv("TMPDIR");
    char path[PATH_MAX];
    int fd;

    if (!folder || !folder[0])
        folder = "/tmp";
    fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (size_t)snprintf(path, sizeof path, "%s/drover-bundle.XXXXXX", folder) >= sizeof path)
        return fd;
    fd = mkostemp(path, O_CLOEXEC); /* not every file system can make one that never had a name */
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static enum error_code write_failed(struct problem *ret_problem)
{
    enum error_code code = errno == ENOSPC || errno == EDQUOT ? E_NO_SPACE : E_INSTALL;

    return package_refuse(ret_problem, code, "bundle", "copying the package into a temporary file: %s", strerror(errno));
}

static enum error_code to_file(void *arg, const void *bytes, size_t length, struct problem *ret_problem)
{
    return file_write(*(int *)arg, bytes, length) ? E_NONE : write_failed(ret_problem);
}

static enum error_code to_buffer(void *arg, const void *bytes, size_t length, struct problem *ret_problem)
{
    struct buffer *buffer = arg;

    buffer_add(buffer, bytes, length);
    return buffer->failed ? package_refuse(ret_problem, E_INTERNAL, "bundle", "out of memory") : E_NONE;
}

static bool is_package(const char *name)
{
    size_t length = strlen(name);

    return length > strlen(PACKAGE_SUFFIX) && strcmp(name + length - strlen(PACKAGE_SUFFIX), PACKAGE_SUFFIX) == 0 && !strpbrk(name, "/\\");
}

static bool is_document(const char *name)
{
    return strcmp(name, DOCUMENT_NAME) == 0;
}

/* *ret_entry is NULL when there is none; two are refused: programs would differ in which one they take. */
static enum error_code entry_find(const struct zip_directory *directory, bool (*wanted)(const char *), const struct zip_entry **ret_entry,
                                  struct problem *ret_problem)
{
    *ret_entry = NULL;
    for (unsigned i = 0; i < directory->count; i++) {
        if (!wanted(directory->entries[i].name))
            continue;
        if (*ret_entry)
            return package_refuse(ret_problem, E_INCOMPATIBLE, "bundle", "two entries: %.40s and %.40s", (*ret_entry)->name, directory->entries[i].name);
        *ret_entry = &directory->entries[i];
    }
    return E_NONE;
}

/* The manifest stands first in every package. */
static enum error_code manifest_is(int package_fd, const struct buffer *document, struct problem *ret_problem)
{
    uint8_t bytes[PACKAGE_HEADER_BYTES + SECTION_HEADER_BYTES];
    char *manifest = malloc(document->length + 1);
    struct package_header header;
    struct section section = {0};
    size_t got = 0;
    enum error_code code = manifest ? E_NONE : package_refuse(ret_problem, E_INTERNAL, "bundle", "out of memory");
    bool same;

    if (!code && (!file_read_at(package_fd, bytes, sizeof bytes, 0, &got) || got != sizeof bytes))
        code = package_refuse(ret_problem, E_CRC, "bundle", "the package in it is cut short");
    if (!code)
        code = package_header_read(bytes, &header, ret_problem);
    if (!code)
        section_read(bytes + PACKAGE_HEADER_BYTES, &section);
    same = !code && section.type == SECTION_MANIFEST && section.length == document->length
           && file_read_at(package_fd, manifest, document->length, sizeof bytes, &got) && got == document->length
           && memcmp(manifest, document->bytes, document->length) == 0;
    free(manifest);
    if (!code && !same)
        code = package_refuse(ret_problem, E_SHA256, "bundle", "its %s is not the manifest of its package", DOCUMENT_NAME);
    return code;
}

static enum error_code document_check(const struct zip_directory *directory, int package_fd, struct problem *ret_problem)
{
    const struct zip_entry *entry;
    struct buffer document;
    enum error_code code = entry_find(directory, is_document, &entry, ret_problem);

    if (code || !entry)
        return code;
    if (entry->size_bytes == 0 || entry->size_bytes > PACKAGE_DOCUMENT_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "bundle", "%s has %" PRId64 " bytes; 1 to %d", DOCUMENT_NAME, entry->size_bytes, PACKAGE_DOCUMENT_MAX);
    buffer_init(&document, PACKAGE_DOCUMENT_MAX);
    code = zip_entry_read(directory, entry, to_buffer, &document, ret_problem);
    if (!code)
        code = manifest_is(package_fd, &document, ret_problem);
    buffer_done(&document);
    return code;
}

static enum error_code package_copy(const struct zip_directory *directory, int64_t package_bytes_max, int fd, struct problem *ret_problem)
{
    const struct zip_entry *entry;
    enum error_code code = entry_find(directory, is_package, &entry, ret_problem);

    if (code)
        return code;
    if (!entry)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "bundle", "no *%s at its top level", PACKAGE_SUFFIX);
    if (entry->size_bytes > package_bytes_max)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "bundle", "%.40s has %" PRId64 " bytes; at most %" PRId64, entry->name, entry->size_bytes, package_bytes_max);
    code = zip_entry_read(directory, entry, to_file, &fd, ret_problem);
    if (!code && lseek(fd, 0, SEEK_SET) != 0)
        code = write_failed(ret_problem);
    return code ? code : document_check(directory, fd, ret_problem);
}

static enum error_code zip_open_package(int zip_fd, int64_t zip_bytes, int64_t package_bytes_max, int *ret_fd, struct problem *ret_problem)
{
    struct zip_directory directory;
    enum error_code code = zip_directory_read(zip_fd, zip_bytes, &directory, ret_problem);
    int fd;

    if (code)
        return code;
    fd = temporary_open();
    code = fd < 0 ? write_failed(ret_problem) : package_copy(&directory, package_bytes_max, fd, ret_problem);
    zip_directory_done(&directory);
    if (code && fd >= 0)
        close(fd);
    if (!code)
        *ret_fd = fd;
    return code;
}

/* O_NONBLOCK: opening a pipe that nobody writes into must not wait; it means nothing for the regular files that go on. */
static enum error_code regular_open(const char *path, int *ret_fd, int64_t *ret_bytes, struct problem *ret_problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0) {
        enum error_code code = package_refuse(ret_problem, E_INTERNAL, "open", "%.80s: %s", path, strerror(errno));

        if (fd >= 0)
            close(fd);
        return code;
    }
    if (!S_ISREG(status.st_mode)) {
        close(fd);
        return package_refuse(ret_problem, E_INCOMPATIBLE, "open", "%.60s is a %s, not a regular file", path,
                              S_ISDIR(status.st_mode) ? "folder" : S_ISFIFO(status.st_mode) ? "pipe" : "special file");
    }
    *ret_fd = fd;
    *ret_bytes = status.st_size;
    return E_NONE;
}

enum error_code bundle_open(const char *path, int64_t package_bytes_max, int *ret_fd, struct problem *ret_problem)
{
    int64_t file_bytes = 0;
    int fd = -1;
    enum error_code code = regular_open(path, &fd, &file_bytes, ret_problem);

    if (code)
        return code;
    if (is_zip(fd)) {
        code = zip_open_package(fd, file_bytes, package_bytes_max, ret_fd, ret_problem);
        close(fd);
        return code;
    }
    if (file_bytes > package_bytes_max) {
        close(fd);
        return package_refuse(ret_problem, E_INCOMPATIBLE, "open", "%" PRId64 " bytes; at most %" PRId64, file_bytes, package_bytes_max);
    }
    *ret_fd = fd;
    return E_NONE;
}
