/* Runs a fuzz target without libFuzzer: each file of its corpus folder once as it is, then a fixed number of mutations
 * of each, always the same ones. What is found by libFuzzer goes into the corpus and is tested forever after.
 * Use: fuzz_NAME FOLDER [MUTATIONS] */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/text.h"

#define INPUT_BYTES 65536
#define MUTATIONS 2000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint64_t random_state;

static uint64_t random_next(void)
{
    return hash_mix(random_state++);
}

static size_t random_below(size_t limit)
{
    return limit ? (size_t)(random_next() % limit) : 0;
}

/* What breaks readers: ends of ranges, brackets, quotes, zero bytes, halves of characters. */
static const char *const morsels[] = {
    "\"", "{", "}", "[", "]", ":", ",", "\\", "\\u0000", "\\ud800", "\\u0022", "null", "true", "-", "0", "1e999", "-0",
    "9007199254740993", "9223372036854775808", "0.5", "/", "+", "#", "..", "\xC3", "\xED\xA0\x80", "\xEF\xBB\xBF", "\n",
    "=", ";", "\"schema\":1,", "bytes=", "v", ".", " ",
};

static size_t insert(uint8_t *bytes, size_t length, const void *piece, size_t piece_length)
{
    size_t at = random_below(length + 1);

    if (length + piece_length > INPUT_BYTES)
        return length;
    memmove(bytes + at + piece_length, bytes + at, length - at);
    memcpy(bytes + at, piece, piece_length);
    return length + piece_length;
}

static size_t cut(uint8_t *bytes, size_t length)
{
    size_t at = random_below(length), gone = 1 + random_below(length - at);

    memmove(bytes + at, bytes + at + gone, length - at - gone);
    return length - gone;
}

static size_t mutate(uint8_t *bytes, size_t length)
{
    const char *morsel = morsels[random_below(sizeof morsels / sizeof morsels[0])];
    uint8_t copy[256];
    size_t at;

    switch (random_below(length ? 6 : 1)) {
    case 0:
        return insert(bytes, length, morsel, strlen(morsel));
    case 1:
        return cut(bytes, length);
    case 2:
        bytes[random_below(length)] ^= (uint8_t)(1u << random_below(8));
        return length;
    case 3:
        bytes[random_below(length)] = (uint8_t)random_next();
        return length;
    case 4:
        return random_below(length); /* the end is missing */
    default:
        at = random_below(length);
        memcpy(copy, bytes + at, length - at < sizeof copy ? length - at : sizeof copy);
        return insert(bytes, length, copy, length - at < sizeof copy ? length - at : sizeof copy);
    }
}

/* The target gets a block of exactly the right size, so that a sanitizer sees one byte too far. */
static void run(const uint8_t *bytes, size_t length)
{
    uint8_t *exact = malloc(length ? length : 1);

    if (!exact)
        abort();
    memcpy(exact, bytes, length);
    (void)LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

static bool seed_run(const char *path, unsigned mutations)
{
    static uint8_t seed[INPUT_BYTES], mutant[INPUT_BYTES];
    FILE *file = fopen(path, "rb");
    size_t length;

    if (!file) {
        perror(path);
        return false;
    }
    length = fread(seed, 1, sizeof seed, file);
    fclose(file);
    run(seed, length);
    random_state = hash_bytes(seed, length, 0);
    for (unsigned i = 0; i < mutations; i++) {
        size_t mutant_length = length;

        memcpy(mutant, seed, length);
        for (size_t rounds = 1 + random_below(4); rounds > 0; rounds--)
            mutant_length = mutate(mutant, mutant_length);
        run(mutant, mutant_length);
    }
    return true;
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    unsigned mutations = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : MUTATIONS;
    struct dirent **entries;
    int count = argc > 1 ? scandir(argv[1], &entries, is_file, alphasort) : -1;
    int failed = 0;

    if (count <= 0) {
        fprintf(stderr, "no corpus: %s\n", argc > 1 ? argv[1] : "use: fuzz_NAME FOLDER [MUTATIONS]");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        char path[4096];

        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        failed |= !seed_run(path, mutations);
        free(entries[i]);
    }
    free(entries);
    printf("%d seeds, %u mutations each\n", count, mutations);
    return failed;
}
