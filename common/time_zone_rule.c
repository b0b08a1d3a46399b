/* POSIX TZ strings ("CET-1CEST,M3.5.0,M10.5.0/3") and the changes they mean. Days are counted by the proleptic Gregorian calendar
 * (algorithm: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
#include <string.h>

#include "common/time_zone.h"

#define DAY_S 86400
#define FAR_S (INT64_C(1) << 46)   /* two million years: beyond it nothing changes */

/* --- reading --- */

/* At most `digits` of them; false: none, or over max. */
static bool number_read(const char **text, int digits, int max, int *ret)
{
    int value = 0, count = 0;
    for (; count < digits && **text >= '0' && **text <= '9'; count++, (*text)++)
        value = value * 10 + **text - '0';
    *ret = value;
    return count > 0 && value <= max;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* "CET", "<+0530>": at least three characters, of no interest here. */
static bool name_skip(const char **text)
{
    const char *at = *text;
    bool quoted = *at == '<';
    for (at += quoted; is_letter(*at) || (quoted && ((*at >= '0' && *at <= '9') || *at == '+' || *at == '-')); at++)
        ;
    bool enough = at - *text - quoted >= 3;
    if (quoted && *at != '>')
        return false;
    *text = at + quoted;
    return enough;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool clock_read(const char **text, int hours_max, int64_t *ret_s)
{
    int hours, minutes = 0, seconds = 0, sign = **text == '-' ? -1 : 1;
    *text += **text == '-' || **text == '+';
    if (!number_read(text, 3, hours_max, &hours))
        return false;
    if (**text == ':' && (++*text, !number_read(text, 2, 59, &minutes)))
        return false;
    if (**text == ':' && (++*text, !number_read(text, 2, 59, &seconds)))
        return false;
    *ret_s = sign * ((int64_t)hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool skip(const char **text, char wanted)
{
    bool is = **text == wanted;
    *text += is;
    return is;
}

static bool day_read(const char **text, struct time_change *ret)
{
    if (skip(text, 'J')) {
        ret->kind = CHANGE_DAY_NO_LEAP;
        return number_read(text, 3, 365, &ret->day) && ret->day >= 1;
    }
    if (!skip(text, 'M')) {
        ret->kind = CHANGE_DAY;
        return number_read(text, 3, 365, &ret->day);
    }
    ret->kind = CHANGE_WEEKDAY;
    return number_read(text, 2, 12, &ret->month) && ret->month >= 1 && skip(text, '.') && number_read(text, 1, 5, &ret->week) && ret->week >= 1 &&
           skip(text, '.') && number_read(text, 1, 6, &ret->weekday);
}

static bool change_read(const char **text, struct time_change *ret)
{
    ret->second = 2 * 3600;
    return skip(text, ',') && day_read(text, ret) && (!skip(text, '/') || clock_read(text, 167, &ret->second));
}

bool time_rule_read(const char *text, struct time_rule *ret)
{
    struct time_rule rule = {0};
    int64_t west_s;
    if (!name_skip(&text) || !clock_read(&text, 24, &west_s))
        return false;
    rule.standard_s = rule.summer_s = -west_s;
    if (*text) {
        rule.has_summer = true;
        rule.summer_s += 3600;
        if (!name_skip(&text))
            return false;
        if (*text != ',') {
            if (!clock_read(&text, 24, &west_s))
                return false;
            rule.summer_s = -west_s;
        }
        if (!change_read(&text, &rule.begin) || !change_read(&text, &rule.end))
            return false;
    }
    *ret = rule;
    return *text == '\0';
}

/* --- the calendar --- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* Days from 1970-01-01 to the first of this month. */
static int64_t month_day(int64_t year, int month)
{
    int64_t y = month <= 2 ? year - 1 : year, era = floor_div(y, 400), of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t year_of(int64_t unix_s)
{
    int64_t day = floor_div(unix_s, DAY_S), year = 1970 + floor_div(day * 400, 146097);
    while (month_day(year + 1, 1) <= day)
        year++;
    while (month_day(year, 1) > day)
        year--;
    return year;
}

static int64_t change_day(const struct time_change *change, int64_t year)
{
    if (change->kind == CHANGE_DAY)
        return month_day(year, 1) + change->day;
    if (change->kind == CHANGE_DAY_NO_LEAP)
        return month_day(year, 1) + change->day - 1 + (is_leap(year) && change->day >= 60);
    int64_t first = month_day(year, change->month), next = change->month == 12 ? month_day(year + 1, 1) : month_day(year, change->month + 1);
    int64_t weekday = floor_div(first + 4, 7) * -7 + first + 4;   /* of the first; 1970-01-01 was a Thursday, Sunday is 0 */
    int64_t day = first + (change->weekday - weekday + 7) % 7 + (change->week - 1) * 7;
    return day < next ? day : day - 7;
}

/* --- changes --- */

struct instant {
    int64_t at_s, offset_s;
};

/* Those of the year and its neighbours, in order; where one ends when the next begins (summer time all year), the beginning counts. */
static unsigned changes_around(const struct time_rule *rule, int64_t unix_s, struct instant ret[6])
{
    int64_t year = year_of(unix_s);
    unsigned count = 0;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        ret[count++] = (struct instant){change_day(&rule->end, y) * DAY_S + rule->end.second - rule->summer_s, rule->standard_s};
        ret[count++] = (struct instant){change_day(&rule->begin, y) * DAY_S + rule->begin.second - rule->standard_s, rule->summer_s};
    }
    for (unsigned i = 1; i < count; i++) {   /* insertion: stable */
        struct instant moved = ret[i];
        unsigned at = i;
        for (; at > 0 && ret[at - 1].at_s > moved.at_s; at--)
            ret[at] = ret[at - 1];
        ret[at] = moved;
    }
    return count;
}

static bool is_far(int64_t unix_s)
{
    return unix_s > FAR_S || unix_s < -FAR_S;
}

int64_t time_rule_offset_s(const struct time_rule *rule, int64_t unix_s)
{
    struct instant changes[6];
    int64_t offset_s = rule->standard_s;
    if (!rule->has_summer || is_far(unix_s))
        return offset_s;
    unsigned count = changes_around(rule, unix_s, changes);
    for (unsigned i = 0; i < count && changes[i].at_s <= unix_s; i++)
        offset_s = changes[i].offset_s;
    return offset_s;
}

int64_t time_rule_change_s(const struct time_rule *rule, int64_t unix_s)
{
    struct instant changes[6];
    if (!rule->has_summer || is_far(unix_s))
        return INT64_MAX;
    unsigned count = changes_around(rule, unix_s, changes);
    for (unsigned i = 0; i < count; i++)
        if (changes[i].at_s > unix_s)
            return changes[i].at_s;
    return INT64_MAX;
}
