/* One suffix array a part, sorted side by side. A search goes through each part: the sort is what costs, and it is what the cores share. */
#include "firmware/bsdiff_index.h"

#include <divsufsort.h>
#include <stdlib.h>

#include "firmware/bsdiff_common.h"

#define PARTS_MAX 4
#define PART_BYTES_MIN (256 * 1024)        /* below it a second part costs more than it gives */
#define KEY_BITS 20
#define KEYS (1u << KEY_BITS)

struct part {
    const uint8_t *bytes;                  /* inside the old image */
    size_t length;
    int32_t *suffixes;                     /* owned: positions in bytes, sorted by what follows */
    uint32_t *first;                       /* owned: KEYS + 1; of each key the first suffix that has it */
};

struct bsdiff_index {
    const uint8_t *old;
    size_t old_bytes;
    unsigned part_count;
    struct part parts[PARTS_MAX];
    uint64_t *occurs;                      /* owned: a bit for each hash of 8 bytes */
    unsigned hash_shift;
    atomic_bool failed;
    struct parallel_report *report;
};

static uint64_t hash8(uint64_t bytes, unsigned shift)
{
    return (bytes * UINT64_C(0x9E3779B97F4A7C15)) >> shift;
}

/* The first 20 bits, as if zeros followed the end: the order of the keys is then the order of the suffixes. */
static uint32_t key_at(const uint8_t *bytes, size_t left)
{
    uint32_t key = (uint32_t)bytes[0] << 16;

    if (left > 1)
        key |= (uint32_t)bytes[1] << 8;
    if (left > 2)
        key |= bytes[2];
    return key >> (24 - KEY_BITS);
}

static void part_count_keys(struct part *part)
{
    uint32_t sum = 0;

    for (size_t at = 0; at < part->length; at++)
        part->first[key_at(part->bytes + at, part->length - at)]++;
    for (size_t key = 0; key <= KEYS; key++) {
        uint32_t count = part->first[key];

        part->first[key] = sum;
        sum += count;
    }
}

/* Also notes strings that run over the part's end into the next one. */
static void part_note_strings(struct bsdiff_index *index, const struct part *part)
{
    size_t left = index->old_bytes - (size_t)(part->bytes - index->old);

    for (size_t at = 0; at < part->length && at + 8 <= left; at++) {
        uint64_t hash = hash8(bytes_get64(part->bytes + at), index->hash_shift);
        uint64_t bit = UINT64_C(1) << (hash % 64);
        uint64_t *word = &index->occurs[hash / 64];

        if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
            (void)__atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
    }
}

static void part_build(void *arg, unsigned number)
{
    struct bsdiff_index *index = arg;
    struct part *part = &index->parts[number];

    part->suffixes = malloc(part->length * sizeof *part->suffixes);
    part->first = calloc(KEYS + 1, sizeof *part->first);
    if (!part->suffixes || !part->first || !parallel_report_add(index->report, 0)
        || divsufsort(part->bytes, part->suffixes, (int32_t)part->length) != 0) {
        atomic_store(&index->failed, true);
        return;
    }
    part_count_keys(part);
    part_note_strings(index, part);
    (void)parallel_report_add(index->report, (int64_t)part->length);
}

static unsigned parts_for(size_t old_bytes, unsigned threads)
{
    unsigned parts = threads < PARTS_MAX ? threads : PARTS_MAX;

    while (parts > 1 && old_bytes / parts < PART_BYTES_MIN)
        parts--;
    return old_bytes ? parts : 0;
}

static bool index_cut(struct bsdiff_index *index, unsigned threads)
{
    unsigned bits = 12;

    index->part_count = parts_for(index->old_bytes, threads);
    for (unsigned i = 0; i < index->part_count; i++) {
        size_t begin = index->old_bytes * i / index->part_count, end = index->old_bytes * (i + 1) / index->part_count;

        index->parts[i] = (struct part){.bytes = index->old + begin, .length = end - begin};
    }
    while (bits < 34 && (UINT64_C(1) << bits) < (uint64_t)index->old_bytes * 8)
        bits++;
    index->hash_shift = 64 - bits;
    index->occurs = calloc((size_t)1 << (bits - 6), sizeof *index->occurs);
    return index->occurs;
}

enum error_code bsdiff_index_new(const uint8_t *old, size_t old_bytes, unsigned threads, struct parallel_report *report, struct bsdiff_index **ret_index,
                                 struct problem *ret_problem)
{
    struct bsdiff_index *index;

    if (old_bytes > BSDIFF_IMAGE_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "old image", "%zu bytes; bsdiff takes images up to 2 GiB", old_bytes);
    index = calloc(1, sizeof *index);
    if (!index)
        return package_refuse(ret_problem, E_INTERNAL, "bsdiff", "out of memory");
    index->old = old;
    index->old_bytes = old_bytes;
    index->report = report;
    if (!index_cut(index, threads))
        atomic_store(&index->failed, true);
    else
        parallel_run(threads, index->part_count, part_build, index);
    if (!atomic_load(&index->failed) && !atomic_load(&report->stopped)) {
        *ret_index = index;
        return E_NONE;
    }
    bsdiff_index_free(index);
    if (atomic_load(&report->stopped))
        return package_refuse(ret_problem, E_CANCELLED, "bsdiff", "stopped");
    return package_refuse(ret_problem, E_INTERNAL, "bsdiff", "out of memory for the suffix array of %zu bytes", old_bytes);
}

void bsdiff_index_free(struct bsdiff_index *index)
{
    if (!index)
        return;
    for (unsigned i = 0; i < index->part_count; i++) {
        free(index->parts[i].suffixes);
        free(index->parts[i].first);
    }
    free(index->occurs);
    free(index);
}

/* Binary search between the suffixes that share the key. What is known to agree with both ends is not compared again (Manber and Myers,
 * "Suffix arrays", 1993); the longest match is one of the suffixes looked at. */
static size_t part_find(const struct part *part, const uint8_t *bytes, size_t length, size_t *ret_at)
{
    uint32_t key = key_at(bytes, length), low = part->first[key], high = part->first[key + 1];
    size_t low_agree = 0, high_agree = 0, best = 0;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t at = (size_t)part->suffixes[middle], left = part->length - at < length ? part->length - at : length;
        size_t agree = low_agree < high_agree ? low_agree : high_agree;

        agree += bytes_agree(part->bytes + at + agree, bytes + agree, left - agree);
        if (agree > best) {
            best = agree;
            *ret_at = at;
        }
        if (agree == length)
            break;
        if (agree == part->length - at || part->bytes[at + agree] < bytes[agree]) {
            low = middle + 1;
            low_agree = agree;
        } else {
            high = middle;
            high_agree = agree;
        }
    }
    return best;
}

/* A match that reaches its part's end goes on in the next one. */
static size_t match_extend(const struct bsdiff_index *index, size_t position, const uint8_t *bytes, size_t length, size_t agree)
{
    size_t left = index->old_bytes - position < length ? index->old_bytes - position : length;

    return agree + bytes_agree(index->old + position + agree, bytes + agree, left - agree);
}

size_t bsdiff_index_find(const struct bsdiff_index *index, const uint8_t *bytes, size_t length, size_t *ret_position)
{
    size_t best = 0;
    uint64_t hash;

    if (length < BSDIFF_MATCH_MIN)
        return 0;
    hash = hash8(bytes_get64(bytes), index->hash_shift);
    if (!(index->occurs[hash / 64] >> (hash % 64) & 1))
        return 0;
    for (unsigned i = 0; i < index->part_count; i++) {
        const struct part *part = &index->parts[i];
        size_t at = 0, agree = part_find(part, bytes, length, &at), position = at + (size_t)(part->bytes - index->old);

        if (agree > 0 && at + agree == part->length)
            agree = match_extend(index, position, bytes, length, agree);
        if (agree > best) {
            best = agree;
            *ret_position = position;
        }
    }
    return best >= BSDIFF_MATCH_MIN ? best : 0;
}

int64_t bsdiff_index_bytes(size_t old_bytes)
{
    return (int64_t)old_bytes * (4 + 2) + PARTS_MAX * (int64_t)(KEYS + 1) * 4;
}
