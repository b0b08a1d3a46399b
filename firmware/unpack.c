/* The sink behind a package_reader: each component becomes an image in its place, by writing it, by copying the base, or by applying a patch to
 * it. Journals stay until the last image is there, so that whoever begins again writes nothing twice. */
#include "firmware/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/file_io.h"
#include "firmware/patch_inside.h"

#define COPY_BYTES 65536

struct unpack {
    struct package_reader *reader;       /* NULL in unpack_fd */
    struct unpack_places places;
    const struct package_head *head;     /* the reader's; from `proved` on */
    struct unpack_place place;           /* of the component that is being written */
    bool placed;
    struct patch_output *output;         /* full or copied */
    struct patch_apply *apply;           /* patched */
    unsigned written;                    /* components whose journal may be there */
    char journals[PACKAGE_COMPONENTS_MAX][sizeof ((struct unpack_place *)0)->journal_path];
};

static void place_done(struct unpack *unpack)
{
    patch_apply_free(unpack->apply);
    patch_output_free(unpack->output);
    unpack->apply = NULL;
    unpack->output = NULL;
    if (unpack->placed && unpack->place.out_fd >= 0)
        close(unpack->place.out_fd);
    if (unpack->placed && unpack->place.base_fd >= 0)
        close(unpack->place.base_fd);
    unpack->placed = false;
}

static enum error_code sink_proved(void *arg, const struct package_head *head, struct problem *ret_problem)
{
    struct unpack *unpack = arg;

    (void)ret_problem;
    unpack->head = head;
    return E_NONE;
}

/* What the component is to become; digests point into the head. */
static struct patch_target target_of(const struct unpack *unpack, unsigned i)
{
    const struct component *component = &unpack->head->manifest.components[i];
    struct patch_target target = {.base_fd = unpack->place.base_fd, .out_fd = unpack->place.out_fd, .out_offset = unpack->place.out_offset,
                                  .out_bytes = component->size_bytes, .out_sha256 = component->sha256, .journal_path = unpack->place.journal_path};

    if (unpack->head->has_delta && unpack->head->delta.components[i].algorithm != DELTA_FULL) {
        target.base_bytes = unpack->head->delta.components[i].base_bytes;
        target.base_sha256 = unpack->head->delta.components[i].base_sha256;
    }
    return target;
}

static enum error_code output_open(struct unpack *unpack, const struct patch_target *target, struct problem *ret_problem)
{
    struct patch_output_target to = {.fd = target->out_fd, .journal_path = target->journal_path,
                                     .target = {target->base_sha256, target->base_bytes, target->out_sha256, target->out_bytes, target->out_offset}};

    return patch_output_new(&to, &unpack->output, ret_problem);
}

static enum error_code begin_full(struct unpack *unpack, const struct patch_target *target, struct problem *ret_problem)
{
    return output_open(unpack, target, ret_problem);
}

static enum error_code begin_copy(struct unpack *unpack, const struct patch_target *target, struct problem *ret_problem)
{
    enum error_code code = patch_base_check(target, ret_problem);

    return code ? code : output_open(unpack, target, ret_problem);
}

static enum error_code begin_bsdiff(struct unpack *unpack, const struct patch_target *target, struct problem *ret_problem)
{
    return patch_apply_new(PATCH_BSDIFF, target, &unpack->apply, ret_problem);
}

static enum error_code begin_zstd(struct unpack *unpack, const struct patch_target *target, struct problem *ret_problem)
{
    return patch_apply_new(PATCH_ZSTD, target, &unpack->apply, ret_problem);
}

static enum error_code (*const begin_by[DELTA_ALGORITHM_COUNT])(struct unpack *, const struct patch_target *, struct problem *) = {
    [DELTA_FULL] = begin_full, [DELTA_COPY] = begin_copy, [DELTA_BSDIFF] = begin_bsdiff, [DELTA_ZSTD] = begin_zstd};

static enum error_code sink_begin(void *arg, unsigned i, struct problem *ret_problem)
{
    struct unpack *unpack = arg;
    enum delta_algorithm algorithm = package_head_part(unpack->head, i).algorithm;
    struct patch_target target;
    enum error_code code;

    unpack->place = (struct unpack_place){.out_fd = -1, .base_fd = -1};
    code = unpack->places.find(unpack->places.arg, unpack->head, i, &unpack->place, ret_problem);
    if (code)
        return code;
    unpack->placed = true;
    memcpy(unpack->journals[i], unpack->place.journal_path, sizeof unpack->journals[i]);
    unpack->written = i + 1;
    if (algorithm != DELTA_FULL && unpack->place.base_fd < 0)
        return package_refuse(ret_problem, E_DELTA_BASE, unpack->head->manifest.components[i].name, "there is no base for the delta");
    target = target_of(unpack, i);
    return begin_by[algorithm](unpack, &target, ret_problem);
}

static enum error_code sink_data(void *arg, unsigned i, const void *bytes, size_t length, struct problem *ret_problem)
{
    struct unpack *unpack = arg;

    (void)i;
    return unpack->apply ? patch_apply_feed(unpack->apply, bytes, length, ret_problem) : patch_output_add(unpack->output, bytes, length, ret_problem);
}

static enum error_code base_copy(struct unpack *unpack, struct problem *ret_problem)
{
    uint8_t *block = malloc(COPY_BYTES);
    enum error_code code = block ? E_NONE : package_refuse(ret_problem, E_INTERNAL, "copy", "out of memory");

    while (!code && patch_output_left(unpack->output) > 0) {
        int64_t left = patch_output_left(unpack->output);
        size_t wanted = left < COPY_BYTES ? (size_t)left : COPY_BYTES, got = 0;

        if (!file_read_at(unpack->place.base_fd, block, wanted, patch_output_at(unpack->output), &got) || got != wanted)
            code = package_refuse(ret_problem, E_DELTA_BASE, "base", "cannot be read");
        else
            code = patch_output_add(unpack->output, block, got, ret_problem);
    }
    free(block);
    return code;
}

static enum error_code sink_end(void *arg, unsigned i, struct problem *ret_problem)
{
    struct unpack *unpack = arg;
    enum error_code code = E_NONE;

    if (package_head_part(unpack->head, i).algorithm == DELTA_COPY)
        code = base_copy(unpack, ret_problem);
    if (!code)
        code = unpack->apply ? patch_apply_end_kept(unpack->apply, ret_problem) : patch_output_end(unpack->output, true, ret_problem);
    place_done(unpack);
    return code;
}

static struct package_sink sink_of(struct unpack *unpack)
{
    return (struct package_sink){.proved = sink_proved, .begin = sink_begin, .data = sink_data, .end = sink_end, .arg = unpack};
}

/* Every image is on disk: the journals have done their work. */
static void journals_remove(const struct unpack *unpack)
{
    for (unsigned i = 0; i < unpack->written; i++) {
        if (unpack->journals[i][0])
            patch_journal_remove(unpack->journals[i]);
    }
}

struct unpack *unpack_new(const struct package_policy *policy, const struct recipient_keys *keys, const struct unpack_places *places)
{
    struct unpack *unpack = calloc(1, sizeof *unpack);
    struct package_sink sink = sink_of(unpack);

    if (!unpack)
        return NULL;
    unpack->places = *places;
    unpack->reader = package_reader_new(policy, keys, &sink);
    if (unpack->reader)
        return unpack;
    free(unpack);
    return NULL;
}

void unpack_free(struct unpack *unpack)
{
    if (!unpack)
        return;
    place_done(unpack);
    package_reader_free(unpack->reader);
    free(unpack);
}

enum error_code unpack_feed(struct unpack *unpack, const void *bytes, size_t length, struct problem *ret_problem)
{
    return package_reader_feed(unpack->reader, bytes, length, ret_problem);
}

enum error_code unpack_end(struct unpack *unpack, struct problem *ret_problem)
{
    enum error_code code = package_reader_end(unpack->reader, ret_problem);

    if (!code)
        journals_remove(unpack);
    return code;
}

const struct package_reader *unpack_reader(const struct unpack *unpack)
{
    return unpack->reader;
}

enum error_code unpack_fd(int fd, const struct package_policy *policy, const struct recipient_keys *keys, const struct unpack_places *places,
                          const struct package_progress *progress, struct problem *ret_problem)
{
    struct unpack *unpack = calloc(1, sizeof *unpack);
    struct package_sink sink = sink_of(unpack);
    enum error_code code;

    if (!unpack)
        return package_refuse(ret_problem, E_INTERNAL, "package", "no memory to unpack it");
    unpack->places = *places;
    code = package_verify(fd, policy, keys, &sink, progress, ret_problem);
    if (!code)
        journals_remove(unpack);
    place_done(unpack);
    free(unpack);
    return code;
}
