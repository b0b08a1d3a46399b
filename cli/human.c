/* Two units at most are enough: nobody needs the seconds of a day. */
#include "cli/human.h"

#include <time.h>

void human_duration(struct buffer *out, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    size_t i = 0;

    if (ms < 1000) {
        buffer_add_format(out, "%lld ms", (long long)(ms < 0 ? 0 : ms));
        return;
    }
    while (ms < units[i].ms)
        i++;
    buffer_add_format(out, "%lld %s", (long long)(ms / units[i].ms), units[i].unit);
    ms %= units[i].ms;
    if (i + 1 < sizeof units / sizeof units[0] && ms >= units[i + 1].ms)
        buffer_add_format(out, " %lld %s", (long long)(ms / units[i + 1].ms), units[i + 1].unit);
}

void human_ago(struct buffer *out, int64_t at_ms, int64_t now_ms)
{
    if (at_ms <= 0) {
        buffer_add_text(out, "-");
    } else if (at_ms > now_ms + 999) {
        buffer_add_text(out, "in ");
        human_duration(out, at_ms - now_ms);
    } else if (at_ms > now_ms - 1000) {
        buffer_add_text(out, "now");
    } else {
        human_duration(out, now_ms - at_ms);
        buffer_add_text(out, " ago");
    }
}

void human_time(struct buffer *out, int64_t at_ms)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    char text[32];

    if (at_ms <= 0 || !localtime_r(&seconds, &parts) || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        buffer_add_text(out, "-");
    else
        buffer_add_text(out, text);
}

void human_bytes(struct buffer *out, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    size_t i = 0;

    if (bytes < 1024) {
        buffer_add_format(out, "%lld B", (long long)bytes);
        return;
    }
    while (value >= 1023.95 && i + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        i++;
    }
    buffer_add_format(out, "%.1f %s", value, units[i]);
}
