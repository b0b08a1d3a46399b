/* One event a line on stderr, logfmt or JSON, with fixed field names:
 *   ts=2026-01-31T10:00:00.123Z level=info event=redis_connected url=unix:/run/redis.sock
 * Core code never logs. Values are escaped; a line is bounded; the same event is limited to a few a second, and what
 * was held back is counted in a `suppressed=` field of the next line let through. Threads may log at the same time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

void log_configure(enum log_level level, enum log_format format, const char *instance /* "" : no field */);
bool log_is_on(enum log_level level);

/* One value of a line; build with the macros below. */
struct log_field {
    const char *name;
    const char *text;   /* NULL: number is the value */
    int64_t number;
};
static inline struct log_field log_field_text(const char *name, const char *value)
{
    return (struct log_field){name, value ? value : "", 0};
}
#define LOG_TEXT(name, value) log_field_text((name), (value))
#define LOG_NUMBER(name, value) ((struct log_field){(name), NULL, (int64_t)(value)})

void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count);
/* log_event(LOG_WARN, "redis_lost", LOG_TEXT("why", text), LOG_NUMBER("wait_ms", wait)); at least one field */
#define log_event(level, event, ...)                                                                      \
    do {                                                                                                  \
        if (log_is_on(level)) {                                                                           \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                         \
            log_write((level), (event), log_fields_, sizeof log_fields_ / sizeof log_fields_[0]);         \
        }                                                                                                 \
    } while (0)
