/* Time zones of the IANA database: what the clock on the wall shows at a given instant, and when that changes. Read from compiled files (TZif, RFC 8536)
 * with the rule for the far future that they end with (a POSIX TZ string). A zone is an immutable value; NULL is UTC everywhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define TIME_ZONE_SIZE 40                   /* of a name: America/Argentina/ComodRivadavia is 32 */
#define TIME_ZONE_FILE_MAX (64 * 1024)      /* bytes of a file; the largest of tzdata has under 4 KiB */
#define TIME_ZONE_CHANGES_MAX 2000          /* in a file; tzdata's have up to 240 */

struct time_zone;

/* Parts of A-Z a-z 0-9 _ + - with slashes between them, shorter than TIME_ZONE_SIZE: nothing that could leave a folder. Says nothing about whether there is one. */
bool time_zone_name_fits(const char *name);

/* Reads the bytes of a TZif file. DROVER_SYNTAX, DROVER_TOO_LONG, DROVER_MEMORY; DROVER_REFUSED: a zone that counts leap seconds (right/...). */
MUST_USE enum drover_error time_zone_read(const void *bytes, size_t length, struct time_zone **ret_zone, struct problem *ret_problem);
void time_zone_free(struct time_zone *zone);   /* NULL is allowed */

/* Seconds that the clock there is ahead of UTC (west: negative) at this instant. */
int64_t time_zone_offset_s(const struct time_zone *zone, int64_t unix_s);
/* The first instant after this one at which the offset may be another one; INT64_MAX: never again. */
int64_t time_zone_change_s(const struct time_zone *zone, int64_t unix_s);

/* The wall clock at an instant. */
struct local_time {
    int64_t day;         /* days since 1970-01-01 */
    int weekday;         /* 0: Monday .. 6: Sunday */
    int64_t second;      /* of the day, 0 .. 86399 */
};
void time_zone_local(const struct time_zone *zone, int64_t unix_s, struct local_time *ret);

/* --- the rule a file ends with (common/time_zone_rule.c) --- */

/* When the clocks change, each year: a day, and a second of that day (may lie outside of it) on the clock as it was before. */
struct time_change {
    enum { CHANGE_WEEKDAY, CHANGE_DAY, CHANGE_DAY_NO_LEAP } kind;   /* "M3.5.0", "59" (0: January 1), "J60" (February 29 is never counted) */
    int month, week, weekday;   /* 1 .. 12, 1 .. 5 (5: the last), 0: Sunday .. 6 */
    int day;
    int64_t second;
};
struct time_rule {
    int64_t standard_s, summer_s;   /* offsets; without summer time the same */
    bool has_summer;
    struct time_change begin, end;
};
/* A POSIX TZ string, hours of changes from -167 to 167 (RFC 8536, 3.3.1). False: it is none. */
bool time_rule_read(const char *text, struct time_rule *ret);
int64_t time_rule_offset_s(const struct time_rule *rule, int64_t unix_s);
int64_t time_rule_change_s(const struct time_rule *rule, int64_t unix_s);

/* --- the zones of a folder (common/time_zones.c) --- */

struct time_zones;
/* folder: "/usr/share/zoneinfo", copied. NULL: out of memory. */
struct time_zones *time_zones_new(const char *folder);
void time_zones_free(struct time_zones *zones);
/* The zone of this name, read from its file when it is first asked for; lives as long as `zones`. False: there is none, its file is not sound, or the name is
 * not fit; remembered too. *ret NULL: UTC. */
bool time_zones_find(struct time_zones *zones, const char *name, const struct time_zone **ret);
