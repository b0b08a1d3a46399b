/* A package on disk: its head, and where each component's payload lies. */
#include "firmware/package_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/bundle.h"
#include "firmware/file_io.h"
#include "firmware/package_metadata.h"

#define BUNDLE_PACKAGE_MAX ((int64_t)16 << 30)   /* of a package inside a ZIP: it is copied out first */

/* Exactly length bytes at offset; a file that ends before is E_CRC. */
static enum error_code read_at(int fd, void *bytes, size_t length, int64_t offset, struct problem *ret_problem)
{
    size_t got = 0;

    if (!file_read_at(fd, bytes, length, offset, &got))
        return package_refuse(ret_problem, E_INSTALL, "file", "cannot be read: %s", strerror(errno));
    if (got < length)
        return package_refuse(ret_problem, E_CRC, "file", "cut short");
    return E_NONE;
}

static enum error_code head_load(struct package_file *file, struct problem *ret_problem)
{
    uint8_t header_bytes[PACKAGE_HEADER_BYTES], *bytes;
    struct package_header header;
    enum error_code code = read_at(file->fd, header_bytes, sizeof header_bytes, 0, ret_problem);

    if (!code)
        code = package_header_read(header_bytes, &header, ret_problem);
    if (code)
        return code;
    if (header.package_bytes != (uint64_t)file->size_bytes)
        return package_refuse(ret_problem, E_CRC, "file", "%lld bytes; the header says %llu", (long long)file->size_bytes, (unsigned long long)header.package_bytes);
    bytes = malloc(PACKAGE_HEADER_BYTES + (size_t)header.metadata_bytes);
    if (!bytes)
        return package_refuse(ret_problem, E_INTERNAL, "file", "no memory to read it");
    code = read_at(file->fd, bytes, PACKAGE_HEADER_BYTES + (size_t)header.metadata_bytes, 0, ret_problem);
    if (!code)
        code = package_head_read(bytes, PACKAGE_HEADER_BYTES + (size_t)header.metadata_bytes, &file->head, ret_problem);
    free(bytes);
    return code;
}

static enum error_code parts_find(struct package_file *file, struct problem *ret_problem)
{
    int64_t offset = PACKAGE_HEADER_BYTES + (int64_t)file->head.header.metadata_bytes;
    uint8_t bytes[SECTION_HEADER_BYTES];
    enum error_code code = E_NONE;

    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        file->part_offset[i] = -1;
    for (unsigned i = 0; !code && i < file->head.manifest.component_count; i++) {
        code = read_at(file->fd, bytes, sizeof bytes, offset, ret_problem);
        if (!code)
            code = package_payload_check(&file->head, i, bytes, ret_problem);
        offset += SECTION_HEADER_BYTES;
        file->part_offset[i] = offset;
        offset += package_head_part(&file->head, i).section_bytes;
    }
    return code;
}

enum error_code package_file_open(const char *path, struct package_file *ret_file, struct problem *ret_problem)
{
    struct package_file file = {.fd = -1};
    struct stat status;
    enum error_code code = bundle_open(path, BUNDLE_PACKAGE_MAX, &file.fd, ret_problem);

    if (code)
        return code;
    if (fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode))
        code = package_refuse(ret_problem, E_INSTALL, "file", "is not a regular file");
    file.size_bytes = status.st_size;
    if (!code)
        code = head_load(&file, ret_problem);
    if (!code)
        code = parts_find(&file, ret_problem);
    if (code)
        package_file_close(&file);
    else
        *ret_file = file;
    return code;
}

void package_file_close(struct package_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    package_head_done(&file->head);
    file->fd = -1;
}
