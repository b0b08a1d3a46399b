/* TZif files (RFC 8536): a header, a block with times of 32 bits, and, from version 2 on, the same again with 64 bits and a rule for what comes after. */
#include "common/time_zone.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S 86400
#define HEADER_BYTES 44
#define TYPE_BYTES 6
#define TYPES_MAX 256
#define RULE_BYTES_MAX 128
#define OFFSET_MIN_S (-89999)   /* RFC 8536, 3.2: more than -25 h, less than 26 h */
#define OFFSET_MAX_S 93599

struct time_zone {
    int64_t first_offset_s;       /* before the first change */
    size_t count;
    int64_t *at_s;                /* of each change, rising */
    int32_t *offset_s;            /* from then on */
    bool has_rule;
    struct time_rule rule;        /* after the last change */
};

bool time_zone_name_fits(const char *name)
{
    size_t length = strlen(name), part = 0;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (!plain && (c != '/' || part == 0))
            return false;
        part = plain ? part + 1 : 0;
    }
    return part > 0 && length < TIME_ZONE_SIZE;
}

/* --- reading --- */

struct counts {
    uint32_t ut, standard, leap, time, type, text;
};

struct reading {
    const uint8_t *bytes;
    size_t left;
    struct counts counts;
    struct problem *problem;
};

static enum drover_error wrong(struct reading *reading, const char *what)
{
    return problem_set(reading->problem, DROVER_SYNTAX, "time zone", "%s", what);
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Two's complement of 4 or 8 bytes, without what C leaves open. */
static int64_t number(const uint8_t *at, size_t size)
{
    uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value <= INT64_MAX ? (int64_t)value : -(int64_t)(UINT64_MAX - value) - 1;
}

static const uint8_t *take(struct reading *reading, size_t bytes)
{
    const uint8_t *at = reading->bytes;
    if (bytes > reading->left)
        return NULL;
    reading->bytes += bytes;
    reading->left -= bytes;
    return at;
}

static enum drover_error header_read(struct reading *reading, char *ret_version)
{
    const uint8_t *at = take(reading, HEADER_BYTES);
    struct counts *counts = &reading->counts;
    if (!at || memcmp(at, "TZif", 4) != 0)
        return wrong(reading, "is no TZif file");
    if (at[4] != 0 && (at[4] < '2' || at[4] > '4'))
        return wrong(reading, "its version is not known");
    *ret_version = (char)at[4];
    *counts = (struct counts){u32(at + 20), u32(at + 24), u32(at + 28), u32(at + 32), u32(at + 36), u32(at + 40)};
    if (counts->time > TIME_ZONE_CHANGES_MAX || counts->type > TYPES_MAX || counts->text > TYPES_MAX || counts->leap > TIME_ZONE_CHANGES_MAX)
        return problem_set(reading->problem, DROVER_TOO_LONG, "time zone", "has more changes or types than any zone needs");
    if (counts->type == 0 || counts->text == 0 || (counts->ut != 0 && counts->ut != counts->type) || (counts->standard != 0 && counts->standard != counts->type))
        return wrong(reading, "its header's counts contradict each other");
    return DROVER_OK;
}

static size_t block_bytes(const struct counts *counts, size_t time_bytes)
{
    return counts->time * (time_bytes + 1) + counts->type * TYPE_BYTES + counts->text + counts->leap * (time_bytes + 4) + counts->standard + counts->ut;
}

static bool types_are_sound(const struct counts *counts, const uint8_t *types, const char *texts)
{
    for (uint32_t i = 0; i < counts->type; i++) {
        const uint8_t *type = types + (size_t)i * TYPE_BYTES;
        int64_t offset_s = number(type, 4);
        if (offset_s < OFFSET_MIN_S || offset_s > OFFSET_MAX_S || type[4] > 1 || type[5] >= counts->text ||
            !memchr(texts + type[5], '\0', counts->text - type[5]))
            return false;
    }
    return true;
}

static enum drover_error changes_read(struct reading *reading, const uint8_t *times, size_t time_bytes, struct time_zone *zone)
{
    const struct counts *counts = &reading->counts;
    const uint8_t *indexes = times + counts->time * time_bytes, *types = indexes + counts->time;
    if (!types_are_sound(counts, types, (const char *)types + (size_t)counts->type * TYPE_BYTES))
        return wrong(reading, "has a type of local time that is not sound");
    zone->first_offset_s = number(types, 4);
    zone->at_s = calloc(counts->time + 1, sizeof *zone->at_s);
    zone->offset_s = calloc(counts->time + 1, sizeof *zone->offset_s);
    if (!zone->at_s || !zone->offset_s)
        return problem_set(reading->problem, DROVER_MEMORY, "time zone", "out of memory");
    for (uint32_t i = 0; i < counts->time; i++) {
        zone->at_s[i] = number(times + i * time_bytes, time_bytes);
        if (i > 0 && zone->at_s[i] <= zone->at_s[i - 1])
            return wrong(reading, "its changes are not in order");
        if (indexes[i] >= counts->type)
            return wrong(reading, "a change leads to a type that is not there");
        zone->offset_s[i] = (int32_t)number(types + (size_t)indexes[i] * TYPE_BYTES, 4);
    }
    zone->count = counts->time;
    return DROVER_OK;
}

static enum drover_error block_read(struct reading *reading, size_t time_bytes, struct time_zone *zone)
{
    if (reading->counts.leap > 0)
        return problem_set(reading->problem, DROVER_REFUSED, "time zone", "counts leap seconds");
    const uint8_t *block = take(reading, block_bytes(&reading->counts, time_bytes));
    return block ? changes_read(reading, block, time_bytes, zone) : wrong(reading, "ends too early");
}

/* "\n<rule>\n"; an empty one says nothing. What follows is of no interest: extensions may. */
static enum drover_error rule_read(struct reading *reading, struct time_zone *zone)
{
    char text[RULE_BYTES_MAX];
    const char *at = (const char *)reading->bytes;
    const char *end = reading->left > 1 && at[0] == '\n' ? memchr(at + 1, '\n', reading->left - 1) : NULL;
    size_t length = end ? (size_t)(end - at - 1) : 0;
    if (!end || length >= sizeof text || memchr(at + 1, '\0', length))
        return wrong(reading, "its last line is missing or too long");
    memcpy(text, at + 1, length);
    text[length] = '\0';
    zone->has_rule = length > 0;
    return zone->has_rule && !time_rule_read(text, &zone->rule) ? wrong(reading, "its rule for the future is not one of POSIX") : DROVER_OK;
}

static enum drover_error file_read(struct reading *reading, struct time_zone *zone)
{
    char version = 0, again = 0;   /* the compiler cannot see that they are read only when they were written */
    enum drover_error error = header_read(reading, &version);
    if (error || version == 0)
        return error ? error : block_read(reading, 4, zone);
    if (!take(reading, block_bytes(&reading->counts, 4)))
        return wrong(reading, "ends too early");
    error = header_read(reading, &again);
    if (!error && again != version)
        error = wrong(reading, "its two headers contradict each other");
    if (!error)
        error = block_read(reading, 8, zone);
    return error ? error : rule_read(reading, zone);
}

enum drover_error time_zone_read(const void *bytes, size_t length, struct time_zone **ret_zone, struct problem *ret_problem)
{
    struct reading reading = {.bytes = bytes, .left = length, .problem = ret_problem};
    struct time_zone *zone = length <= TIME_ZONE_FILE_MAX ? calloc(1, sizeof *zone) : NULL;
    enum drover_error error;
    if (!zone)
        return length > TIME_ZONE_FILE_MAX ? problem_set(ret_problem, DROVER_TOO_LONG, "time zone", "the file has more than %d bytes", TIME_ZONE_FILE_MAX)
                                           : problem_set(ret_problem, DROVER_MEMORY, "time zone", "out of memory");
    error = file_read(&reading, zone);
    if (error)
        time_zone_free(zone);
    else
        *ret_zone = zone;
    return error;
}

void time_zone_free(struct time_zone *zone)
{
    if (!zone)
        return;
    free(zone->at_s);
    free(zone->offset_s);
    free(zone);
}

/* --- asking --- */

/* How many changes were made up to then. */
static size_t changes_until(const struct time_zone *zone, int64_t unix_s)
{
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->at_s[middle] <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t time_zone_offset_s(const struct time_zone *zone, int64_t unix_s)
{
    if (!zone)
        return 0;
    size_t made = changes_until(zone, unix_s);
    if (made == zone->count && zone->has_rule)
        return time_rule_offset_s(&zone->rule, unix_s);
    return made ? zone->offset_s[made - 1] : zone->first_offset_s;
}

int64_t time_zone_change_s(const struct time_zone *zone, int64_t unix_s)
{
    if (!zone)
        return INT64_MAX;
    size_t made = changes_until(zone, unix_s);
    if (made < zone->count)
        return zone->at_s[made];
    return zone->has_rule ? time_rule_change_s(&zone->rule, unix_s) : INT64_MAX;
}

void time_zone_local(const struct time_zone *zone, int64_t unix_s, struct local_time *ret)
{
    int64_t local_s = unix_s + time_zone_offset_s(zone, unix_s), second = local_s % DAY_S;
    second += second < 0 ? DAY_S : 0;
    ret->second = second;
    ret->day = (local_s - second) / DAY_S;
    ret->weekday = (int)(((ret->day + 3) % 7 + 7) % 7);   /* 1970-01-01 was a Thursday */
}
