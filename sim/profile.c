/* Reading profiles (built in, ini file, --share) and drawing from them. */
#include "sim/profile.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/text.h"

#define BUILT_IN_SHARES 24
#define SALT_ENTRY UINT64_C(0x656e747279)   /* independent draws from one seed */
#define SALT_STEP UINT64_C(0x73746570)

static const struct {
    const char *name;
    const char *shares[BUILT_IN_SHARES];
} built_in[] = {
    {"honest", {NULL}},
    {"mixed", {"transient:download=5", "transient:sha=4", "transient:install=4", "permanent=3", "reject=2", "silent:acknowledge=1", "silent:download=1", "silent:install=1",
               "liar=2", "fallback=3", "boot_loop=2", "unhealthy=2", "busy=3", "duplicates=4", "reorder=4", "garbage=3", "flaky=8"}},
    {"gentle", {"transient=10", "busy=5", "flaky=10", "duplicates=5", "reorder=5"}},
    {"hostile", {"duplicates=20", "reorder=20", "garbage=30", "liar=10", "reject=10"}},
    {"bricks", {"fallback=25", "boot_loop=25", "unhealthy=25", "silent:reboot=25"}},
};

/* "5", "0.25", at most two decimals, into hundredths. */
static bool percent_read(const char *text, size_t length, int64_t *ret_share)
{
    const char *dot = memchr(text, '.', length);
    size_t whole_length = dot ? (size_t)(dot - text) : length, decimals = dot ? length - whole_length - 1 : 0;
    int64_t whole, part = 0;

    if (!text_to_i64(text, whole_length, 0, 100, &whole) || (dot && (decimals < 1 || decimals > 2)))
        return false;
    for (size_t i = 0; i < decimals; i++) {
        if (dot[1 + i] < '0' || dot[1 + i] > '9')
            return false;
        part = part * 10 + (dot[1 + i] - '0');
    }
    *ret_share = whole * 100 + (decimals == 1 ? part * 10 : part);
    return *ret_share <= PROFILE_WHOLE;
}

static enum drover_error append(struct profile *profile, const struct profile_entry *entry, struct problem *ret_problem)
{
    int64_t sum = entry->share;

    for (size_t i = 0; i < profile->count; i++)
        sum += profile->entries[i].share;
    if (sum > PROFILE_WHOLE)
        return problem_set(ret_problem, DROVER_RANGE, "share", "the shares add up to more than 100 percent");
    if (profile->count == PROFILE_ENTRIES_MAX)
        return problem_set(ret_problem, DROVER_FULL, "share", "more than %d shares", PROFILE_ENTRIES_MAX);
    profile->entries[profile->count++] = *entry;
    return DROVER_OK;
}

enum drover_error profile_add(struct profile *profile, const char *share, struct problem *ret_problem)
{
    const char *equals = strchr(share, '=');
    struct profile_entry entry;
    enum drover_error error;

    if (!equals || !percent_read(equals + 1, strlen(equals + 1), &entry.share))
        return problem_set(ret_problem, DROVER_SYNTAX, "share", "'%s' is not behaviour[:step[:number]]=percent", share);
    error = behaviour_read(share, (size_t)(equals - share), &entry.behaviour, ret_problem);
    return error ? error : append(profile, &entry, ret_problem);
}

/* An ini section is [behaviour] or [behaviour anything]; its keys are share, step and the behaviour's number. They are put
 * together into the short form when the section ends. */
struct ini_reading {
    struct profile *profile;
    struct problem *problem;
    enum drover_error error;
    char section[64], share[16], step[16], number[16];
};

static enum drover_error section_end(struct ini_reading *reading)
{
    char share[160];
    int length = (int)strcspn(reading->section, " \t");

    if (reading->section[0] == '\0')
        return DROVER_OK;
    (void)snprintf(share, sizeof share, "%.*s:%s%s%s=%s", length, reading->section, reading->step,
                   reading->number[0] ? ":" : "", reading->number, reading->share);
    return profile_add(reading->profile, share, reading->problem);
}

static bool section_begin(struct ini_reading *reading, const char *section)
{
    reading->error = section_end(reading);
    reading->share[0] = reading->step[0] = reading->number[0] = '\0';
    if (!text_copy(reading->section, sizeof reading->section, section))
        reading->error = problem_set(reading->problem, DROVER_TOO_LONG, section, "section name too long");
    return reading->error == DROVER_OK;
}

static char *slot_for(struct ini_reading *reading, const char *name)
{
    const char *ends[] = {"times", "return_s", "boots", "beats"};

    if (strcmp(name, "share") == 0)
        return reading->share;
    if (strcmp(name, "step") == 0)
        return reading->step;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (strcmp(name, ends[i]) == 0)
            return reading->number;
    return NULL;
}

static int ini_line(void *arg, const char *section, const char *name, const char *value)
{
    struct ini_reading *reading = arg;
    char *slot = slot_for(reading, name);

    if (reading->error)
        return 0;
    if (strcmp(section, reading->section) != 0 && !section_begin(reading, section))
        return 0;
    if (!slot || section[0] == '\0' || !text_copy(slot, sizeof reading->share, value))
        reading->error = problem_set(reading->problem, DROVER_UNKNOWN, name, "not a key of [%s], or its value is too long", section);
    return reading->error == DROVER_OK;
}

static enum drover_error read_file(struct profile *profile, const char *path, struct problem *ret_problem)
{
    struct ini_reading reading = {.profile = profile, .problem = ret_problem};
    int line = ini_parse(path, ini_line, &reading);

    if (line == -1)
        return problem_set(ret_problem, DROVER_IO, "profile", "%s is no built-in profile and cannot be read: %s", path, strerror(errno));
    if (reading.error)
        return reading.error;
    if (line != 0)
        return problem_set(ret_problem, DROVER_SYNTAX, path, "malformed line %d", line);
    return section_end(&reading);
}

enum drover_error profile_read(struct profile *profile, const char *name_or_path, struct problem *ret_problem)
{
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++) {
        if (strcmp(built_in[i].name, name_or_path) != 0)
            continue;
        for (size_t j = 0; j < BUILT_IN_SHARES && built_in[i].shares[j]; j++) {
            enum drover_error error = profile_add(profile, built_in[i].shares[j], ret_problem);

            if (error)
                return error;
        }
        return DROVER_OK;
    }
    return read_file(profile, name_or_path, ret_problem);
}

static uint64_t draw(uint64_t seed, uint32_t index, uint64_t salt)
{
    return hash_mix(hash_mix(seed ^ salt) + index);
}

struct behaviour profile_draw(const struct profile *profile, uint64_t seed, uint32_t index, enum device_kind kind)
{
    int64_t place = (int64_t)(draw(seed, index, SALT_ENTRY) % PROFILE_WHOLE);
    struct behaviour behaviour = {.kind = BEHAVE_HONEST};

    for (size_t i = 0; i < profile->count; i++) {
        place -= profile->entries[i].share;
        if (place < 0) {
            behaviour = profile->entries[i].behaviour;
            break;
        }
    }
    if (kind == KIND_SIMPLE && !behaviour_fits_simple(behaviour.kind))
        return (struct behaviour){.kind = BEHAVE_HONEST};
    if (behaviour.step != STEP_NONE && !behaviour_has_step(behaviour.kind, kind, behaviour.step))
        behaviour.step = STEP_DOWNLOAD; /* every device that has steps has this one */
    else if (behaviour.step == STEP_NONE)
        behaviour.step = behaviour_draw_step(behaviour.kind, kind, draw(seed, index, SALT_STEP));
    return behaviour;
}

void profile_print_built_in(FILE *out)
{
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++) {
        (void)fprintf(out, "  %-9s", built_in[i].name);
        for (size_t j = 0; j < BUILT_IN_SHARES && built_in[i].shares[j]; j++)
            (void)fprintf(out, "%s%s", j > 0 && j % 6 == 0 ? "\n           " : " ", built_in[i].shares[j]);
        (void)fprintf(out, "%s\n", built_in[i].shares[0] ? "; the rest is honest" : " everybody does as told");
    }
}
