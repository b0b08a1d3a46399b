/* Any bytes as two versions with a newline between: reading is stable, comparing is a total order's answer. */
#include "fuzz.h"

#include "common/semver.h"

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    const char *newline = length ? memchr(text, '\n', length) : NULL;
    size_t first = newline ? (size_t)(newline - text) : length;
    char left[VERSION_SIZE], right[VERSION_SIZE], again[VERSION_SIZE];
    struct problem problem = {0};

    if (semver_read(text, first, left, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST(semver_read(left, strlen(left), again, NULL) == DROVER_OK && strcmp(left, again) == 0);
    MUST(semver_compare(left, left) == 0);
    if (newline && semver_read(newline + 1, length - first - 1, right, NULL) == DROVER_OK)
        MUST(sign(semver_compare(left, right)) == -sign(semver_compare(right, left)));
    return 0;
}
