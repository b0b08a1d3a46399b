/* From two images to what a bsdiff patch says: index the old one, scan the new one, write down the differences. */
#include "firmware/bsdiff_make.h"

#include <stdlib.h>
#include <string.h>


static bool difference_allocate(struct bsdiff_difference *difference)
{
    for (size_t i = 0; i < difference->entries.count; i++) {
        difference->diff_bytes += (size_t)difference->entries.list[i].diff_bytes;
        difference->extra_bytes += (size_t)difference->entries.list[i].extra_bytes;
    }
    difference->diff = malloc(difference->diff_bytes ? difference->diff_bytes : 1);
    difference->extra = malloc(difference->extra_bytes ? difference->extra_bytes : 1);
    return difference->diff && difference->extra;
}

static void difference_fill(struct bsdiff_difference *difference, const uint8_t *old)
{
    const uint8_t *new = difference->new;
    uint8_t *diff = difference->diff, *extra = difference->extra;

    for (size_t i = 0; i < difference->entries.count; i++) {
        const struct bsdiff_entry *entry = &difference->entries.list[i];
        const uint8_t *base = old + entry->old_at;

        for (int64_t at = 0; at < entry->diff_bytes; at++)
            diff[at] = (uint8_t)(new[at] - base[at]);
        diff += entry->diff_bytes;
        new += entry->diff_bytes;
        if (entry->extra_bytes > 0)
            memcpy(extra, new, (size_t)entry->extra_bytes);
        extra += entry->extra_bytes;
        new += entry->extra_bytes;
    }
}

enum error_code bsdiff_difference_make(const uint8_t *old, size_t old_bytes, const uint8_t *new, size_t new_bytes, unsigned threads,
                                       struct parallel_report *report, struct bsdiff_difference *ret_difference, struct problem *ret_problem)
{
    struct bsdiff_difference difference = {.new = new, .new_bytes = new_bytes};
    struct bsdiff_index *index = NULL;
    enum error_code code;

    if (new_bytes > BSDIFF_IMAGE_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "new image", "%zu bytes; bsdiff takes images up to 2 GiB", new_bytes);
    code = bsdiff_index_new(old, old_bytes, threads, report, &index, ret_problem);
    if (!code)
        code = bsdiff_scan(index, old, old_bytes, new, new_bytes, threads, report, &difference.entries, ret_problem);
    bsdiff_index_free(index);
    if (!code && !difference_allocate(&difference))
        code = package_refuse(ret_problem, E_INTERNAL, "bsdiff", "out of memory");
    if (code) {
        bsdiff_difference_done(&difference);
        return code;
    }
    difference_fill(&difference, old);
    *ret_difference = difference;
    return E_NONE;
}

void bsdiff_difference_done(struct bsdiff_difference *difference)
{
    bsdiff_entries_done(&difference->entries);
    free(difference->diff);
    free(difference->extra);
    *difference = (struct bsdiff_difference){0};
}

int64_t bsdiff_entries_seek(const struct bsdiff_entries *entries, size_t i)
{
    const struct bsdiff_entry *entry = &entries->list[i];

    return i + 1 < entries->count ? entries->list[i + 1].old_at - (entry->old_at + entry->diff_bytes) : 0;
}
