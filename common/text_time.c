/* Times as people write them (RFC 3339) and as they are shown to them. */
#include <string.h>
#include <time.h>

#include "common/text.h"

void text_time(int64_t unix_ms, char ret[TEXT_TIME_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;

    if (!gmtime_r(&seconds, &utc) || strftime(ret, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)text_copy(ret, TEXT_TIME_SIZE, "?");
}

/* "Z", "+02:00", "-05:30" */
static bool zone_read(const char *text, int64_t *ret_s)
{
    int64_t hours, minutes;

    *ret_s = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':' || strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
        return false;
    hours = (text[1] - '0') * 10 + text[2] - '0';
    minutes = (text[4] - '0') * 10 + text[5] - '0';
    *ret_s = (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

bool text_time_read(const char *text, int64_t *ret_ms)
{
    struct tm parts = {0}, same;
    int64_t zone_s = 0, seconds;
    const char *rest;

    if (strspn(text, "0123456789") != 4) /* strptime takes blanks and short years */
        return false;
    rest = strptime(text, "%Y-%m-%d", &parts);
    if (rest && *rest == 'T')
        rest = strlen(rest) >= 10 ? strptime(rest + 1, "%H:%M:%S", &parts) : NULL;
    else if (rest && *rest)
        return false;
    if (!rest || (*rest && !zone_read(rest, &zone_s)) || (!*rest && strlen(text) != 10) || (*rest && rest - text != 19))
        return false;
    same = parts;
    seconds = timegm(&same);
    if (seconds < 0 || same.tm_mday != parts.tm_mday) /* the 30th of February is another day */
        return false;
    *ret_ms = (seconds - zone_s) * 1000;
    return true;
}
