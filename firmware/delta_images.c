/* A package's reader writes each image into a file that has no name, so that nothing is left behind however this ends. */
#include "firmware/delta_images.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "firmware/file_io.h"
#include "firmware/package_reader.h"

struct loading {
    struct delta_images *images;
    const char *path;
};

static enum error_code image_begin(void *arg, unsigned component, struct problem *ret_problem)
{
    struct loading *loading = arg;
    struct delta_image *image = &loading->images->list[component];

    image->fd = file_beside_unnamed(loading->path);
    if (image->fd >= 0)
        return E_NONE;
    return package_refuse(ret_problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, "delta", "no temporary file: %s", strerror(errno));
}

static enum error_code image_data(void *arg, unsigned component, const void *bytes, size_t length, struct problem *ret_problem)
{
    struct loading *loading = arg;
    struct delta_image *image = &loading->images->list[component];

    if (!file_write(image->fd, bytes, length))
        return package_refuse(ret_problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, "delta", "a temporary file cannot be written: %s", strerror(errno));
    image->length += (int64_t)length;
    return E_NONE;
}

static enum error_code image_end(void *arg, unsigned component, struct problem *ret_problem)
{
    struct loading *loading = arg;
    struct delta_image *image = &loading->images->list[component];

    if (image->length == 0)
        return E_NONE;
    image->mapped = file_map(image->fd, 0, image->length, PROT_READ, MAP_PRIVATE);
    if (image->mapped != MAP_FAILED) {
        image->bytes = image->mapped;
        return E_NONE;
    }
    image->mapped = NULL;
    return package_refuse(ret_problem, E_INTERNAL, "delta", "an image of %lld bytes cannot be mapped: %s", (long long)image->length, strerror(errno));
}

enum error_code delta_images_load(const struct package_file *file, const char *path, struct delta_images *ret_images, struct problem *ret_problem)
{
    struct loading loading = {ret_images, path};
    struct package_sink sink = {.begin = image_begin, .data = image_data, .end = image_end, .arg = &loading};
    struct package_policy nobody = {0};

    ret_images->count = file->head.manifest.component_count;
    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        ret_images->list[i] = (struct delta_image){.fd = -1, .bytes = (const uint8_t *)""};
    if (lseek(file->fd, 0, SEEK_SET) != 0)
        return package_refuse(ret_problem, E_INSTALL, "package", "cannot be read: %s", strerror(errno));
    return package_verify(file->fd, &nobody, NULL, &sink, NULL, ret_problem);
}

void delta_images_done(struct delta_images *images)
{
    for (unsigned i = 0; i < images->count; i++) {
        struct delta_image *image = &images->list[i];

        if (image->mapped)
            (void)munmap(image->mapped, (size_t)image->length);
        if (image->fd >= 0)
            close(image->fd);
    }
    images->count = 0;
}
