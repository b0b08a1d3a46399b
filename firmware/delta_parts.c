/* One component after the other, so that memory is that of the largest one; its two patches side by side. */
#include "firmware/delta_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "firmware/file_io.h"

enum attempt_kind { ATTEMPT_ZSTD, ATTEMPT_BSDIFF, ATTEMPT_COUNT };   /* the one that takes longer begins */

static const struct {
    enum patch_format format;
    enum delta_algorithm algorithm;
} attempt_kinds[ATTEMPT_COUNT] = {[ATTEMPT_ZSTD] = {PATCH_ZSTD, DELTA_ZSTD}, [ATTEMPT_BSDIFF] = {PATCH_BSDIFF, DELTA_BSDIFF}};

/* One patch that is being made. */
struct attempt {
    enum attempt_kind kind;
    bool wanted;                   /* there is memory for it */
    unsigned threads;
    int fd;
    int64_t bytes, ms;
    int64_t reported;
    enum error_code code;
    struct problem problem;
    struct parallel_report *report;
    const struct delta_image *old, *new;
};

static bool attempt_show(void *arg, int64_t done, int64_t total)
{
    struct attempt *attempt = arg;
    int64_t more = done - attempt->reported;

    (void)total;
    attempt->reported = done;
    return parallel_report_add(attempt->report, more);
}

static void attempt_run(void *arg, unsigned number)
{
    struct attempt *attempt = (struct attempt *)arg + number;
    struct package_progress progress = {attempt_show, attempt};
    struct patch_make_options options = {attempt_kinds[attempt->kind].format, attempt->threads, &progress};
    int64_t began_ms = clock_mono_ms();

    if (!attempt->wanted)
        return;
    attempt->code = patch_make(attempt->old->bytes, (size_t)attempt->old->length, attempt->new->bytes, (size_t)attempt->new->length, &options, attempt->fd,
                               &attempt->bytes, &attempt->problem);
    attempt->ms = clock_mono_ms() - began_ms;
}

/* A patch that cannot be made (an image over 2 GiB, no memory) is done without; one that was stopped, or has no disk to go to, ends the work. */
static bool failure_is_final(enum error_code code)
{
    return code == E_CANCELLED || code == E_NO_SPACE || code == E_INSTALL;
}

/* Takes the attempt's patch when it is smaller than what the part has so far. */
static void part_take(struct delta_part *part, struct attempt *attempt)
{
    if (attempt->bytes >= part->stored_bytes)
        return;
    if (part->fd >= 0)
        close(part->fd);
    part->fd = attempt->fd;
    attempt->fd = -1;
    part->stored_bytes = attempt->bytes;
    part->result.algorithm = attempt_kinds[attempt->kind].algorithm;
}

static enum error_code attempts_judge(struct delta_part *part, struct attempt *attempts, struct problem *ret_problem)
{
    int64_t *bytes[ATTEMPT_COUNT] = {&part->result.zstd_bytes, &part->result.bsdiff_bytes};
    int64_t *ms[ATTEMPT_COUNT] = {&part->result.zstd_ms, &part->result.bsdiff_ms};

    for (unsigned i = 0; i < ATTEMPT_COUNT; i++) {
        if (failure_is_final(attempts[i].code)) {
            *ret_problem = attempts[i].problem;
            return attempts[i].code;
        }
        if (!attempts[i].wanted || attempts[i].code)
            continue;
        *bytes[i] = attempts[i].bytes;
        *ms[i] = attempts[i].ms;
        part_take(part, &attempts[i]);
    }
    return E_NONE;
}

/* Which patches fit into the memory, and whether both at once. */
static unsigned attempts_plan(const struct delta_making *making, struct attempt *attempts)
{
    unsigned threads = making->options->threads ? making->options->threads : parallel_cores();
    int64_t limit = making->options->memory_max_bytes, sum = 0;

    for (unsigned i = 0; i < ATTEMPT_COUNT; i++) {
        int64_t need = patch_make_memory_bytes(attempt_kinds[i].format, attempts[i].old->length, attempts[i].new->length);

        attempts[i].wanted = limit == 0 || need <= limit;
        sum += attempts[i].wanted ? need : 0;
    }
    if (limit > 0 && sum > limit)
        threads = 1; /* one after the other */
    attempts[ATTEMPT_ZSTD].threads = 1;
    attempts[ATTEMPT_BSDIFF].threads = attempts[ATTEMPT_ZSTD].wanted && threads > 1 ? threads - 1 : threads;
    return threads < ATTEMPT_COUNT ? threads : ATTEMPT_COUNT;
}

static enum error_code part_patch(struct delta_making *making, struct delta_part *part, const struct delta_image *old, const struct delta_image *new,
                                  struct parallel_report *report, struct problem *ret_problem)
{
    struct attempt attempts[ATTEMPT_COUNT];
    enum error_code code = E_NONE;

    for (unsigned i = 0; i < ATTEMPT_COUNT; i++) {
        attempts[i] = (struct attempt){.kind = (enum attempt_kind)i, .fd = file_beside_unnamed(making->path), .report = report, .old = old, .new = new};
        if (attempts[i].fd < 0)
            code = package_refuse(ret_problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, "delta", "no temporary file: %s", strerror(errno));
    }
    if (!code) {
        parallel_run(attempts_plan(making, attempts), ATTEMPT_COUNT, attempt_run, attempts);
        code = attempts_judge(part, attempts, ret_problem);
    }
    for (unsigned i = 0; i < ATTEMPT_COUNT; i++) {
        if (attempts[i].fd >= 0)
            close(attempts[i].fd);
    }
    return code;
}

static int base_find(const struct manifest *manifest, const char *name)
{
    const struct component *component = manifest_component(manifest, name);

    return component ? (int)(component - manifest->components) : -1;
}

static bool is_copy(const struct delta_making *making, unsigned i)
{
    const struct component *new = &making->to->head.manifest.components[i];
    const struct component *old = &making->from->head.manifest.components[making->parts[i].base];

    return new->size_bytes == old->size_bytes && memcmp(new->sha256, old->sha256, SHA256_BYTES) == 0;
}

static enum error_code part_make(struct delta_making *making, unsigned i, struct parallel_report *report, struct problem *ret_problem)
{
    struct delta_part *part = &making->parts[i];

    if (part->base < 0 || making->old->list[part->base].length == 0 || making->new->list[i].length == 0)
        return E_NONE;
    if (is_copy(making, i)) {
        part->result.algorithm = DELTA_COPY;
        part->stored_bytes = 0;
        return E_NONE;
    }
    return part_patch(making, part, &making->old->list[part->base], &making->new->list[i], report, ret_problem);
}

/* bsdiff goes over the old image once and over the new one twice, zstd over the new one. */
static int64_t work_total(const struct delta_making *making)
{
    int64_t total = 0;

    for (unsigned i = 0; i < making->new->count; i++) {
        if (making->parts[i].base >= 0 && !is_copy(making, i))
            total += making->old->list[making->parts[i].base].length + 3 * making->new->list[i].length;
    }
    return total;
}

enum error_code delta_parts_make(struct delta_making *making, struct problem *ret_problem)
{
    const struct manifest *manifest = &making->to->head.manifest;
    struct parallel_report report;
    enum error_code code = E_NONE;

    for (unsigned i = 0; i < manifest->component_count; i++)
        making->parts[i] = (struct delta_part){.result = {.algorithm = DELTA_FULL, .bsdiff_bytes = -1, .zstd_bytes = -1}, .fd = -1,
                                               .base = base_find(&making->from->head.manifest, manifest->components[i].name),
                                               .stored_bytes = manifest->components[i].stored_bytes};
    parallel_report_init(&report, making->options->progress, work_total(making));
    for (unsigned i = 0; !code && i < manifest->component_count; i++)
        code = part_make(making, i, &report, ret_problem);
    parallel_report_done(&report);
    return code;
}

void delta_parts_done(struct delta_making *making)
{
    for (unsigned i = 0; i < making->new->count; i++) {
        if (making->parts[i].fd >= 0)
            close(making->parts[i].fd);
        making->parts[i].fd = -1;
    }
}
