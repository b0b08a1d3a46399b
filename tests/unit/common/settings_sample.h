/* A settings table with a row of each kind, for the tests of settings.c and settings_print.c. */
#pragma once

#include "common/settings.h"

struct sample {
    bool check;
    char redis_url[64];
    int64_t redis_timeout_ms;
    int64_t log_format;
    bool log_color;
    char admin_token[32];
    char long_path[300];
    int64_t redis_pool_size;
};

#define SAMPLE(member) .offset = offsetof(struct sample, member), .size = sizeof(((struct sample *)0)->member)

static const struct setting sample_rows[] = {
    {"redis.url", SETTING_TEXT, SAMPLE(redis_url), .min = 1, .max = 40, .fallback = "redis://127.0.0.1:6379", .help = "Where Redis listens."},
    {"redis.timeout_ms", SETTING_INTEGER, SAMPLE(redis_timeout_ms), .min = 10, .max = 60000, .fallback = "1000", .unit = "ms", .reloadable = true, .help = "Longest wait for an answer."},
    {"log.format", SETTING_CHOICE, SAMPLE(log_format), .choices = "logfmt|json", .fallback = "logfmt", .help = "How lines look."},
    {"log.color", SETTING_BOOL, SAMPLE(log_color), .fallback = "false", .reloadable = true, .help = "Colours on a terminal."},
    {"admin.token", SETTING_TEXT, SAMPLE(admin_token), .fallback = "", .secret = true, .help = "Who has it may do everything."},
    {"long_path", SETTING_TEXT, SAMPLE(long_path), .fallback = "", .help = "A text longer than a line of a file."},
    {"redis.pool_size", SETTING_INTEGER, SAMPLE(redis_pool_size), .min = -1, .max = 8, .fallback = "-1", .help = "Connections."},
    {"check", SETTING_BOOL, SAMPLE(check), .fallback = "no", .help = "Only check."},
};
static const struct settings_table sample_table = {sample_rows, sizeof sample_rows / sizeof sample_rows[0], "DROVER_"};

static inline struct sample sample_defaults(void)
{
    struct sample sample = {0};

    settings_defaults(&sample_table, &sample);
    return sample;
}
