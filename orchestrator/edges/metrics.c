/* The text format's rules in one place; what is measured stands in daemon_metrics.c. */
#include "orchestrator/edges/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"

#define PREFIX "drover_"

void metrics_begin(struct metrics *metrics, struct buffer *buffer)
{
    memset(metrics, 0, sizeof *metrics);
    metrics->buffer = buffer;
}

static bool name_is_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length >= METRICS_NAME_SIZE || (name[0] >= '0' && name[0] <= '9'))
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static bool name_is_new(struct metrics *metrics, const char *name)
{
    uint64_t hash = hash_text(name, 0);

    for (unsigned i = 0; i < metrics->family_count; i++)
        if (metrics->seen[i] == hash)
            return false;
    if (metrics->family_count == METRICS_FAMILIES_MAX)
        return false;
    metrics->seen[metrics->family_count++] = hash;
    return true;
}

static bool ends_in_total(const char *name)
{
    size_t length = strlen(name);

    return length > 6 && strcmp(name + length - 6, "_total") == 0;
}

/* Backslash and newline in help, the quote too in a label's value. */
static void text_add(struct metrics *metrics, const char *text, bool quoted)
{
    for (; *text; text++) {
        if (*text == '\n')
            buffer_add_text(metrics->buffer, "\\n");
        else if (*text == '\\' || (quoted && *text == '"'))
            buffer_add_format(metrics->buffer, "\\%c", *text);
        else
            buffer_add(metrics->buffer, text, 1);
    }
}

void metrics_family(struct metrics *metrics, const char *name, enum metric_kind kind, const char *help)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    bool add_total = kind == METRIC_COUNTER && !ends_in_total(name);
    char full[2 * METRICS_NAME_SIZE];

    (void)snprintf(full, sizeof full, PREFIX "%.90s%s", name, add_total ? "_total" : "");
    metrics->name[0] = '\0';
    if (!name_is_valid(full) || (kind != METRIC_COUNTER && ends_in_total(full)) || !name_is_new(metrics, full)) {
        metrics->mistakes++;
        return;
    }
    memcpy(metrics->name, full, strlen(full) + 1);
    buffer_add_format(metrics->buffer, "# HELP %s ", full);
    text_add(metrics, help, false);
    buffer_add_format(metrics->buffer, "\n# TYPE %s %s\n", full, kinds[kind]);
}

static void number_add(struct metrics *metrics, double value)
{
    if (isnan(value))
        buffer_add_text(metrics->buffer, "NaN");
    else if (isinf(value))
        buffer_add_text(metrics->buffer, value > 0 ? "+Inf" : "-Inf");
    else
        buffer_add_format(metrics->buffer, "%.15g", value);
}

static void label_add(struct metrics *metrics, const char *opening, const char *label, const char *label_value)
{
    buffer_add_format(metrics->buffer, "%s%s=\"", opening, label);
    text_add(metrics, label_value, true);
    buffer_add_text(metrics->buffer, "\"");
}

/* True when a sample may be written now. */
static bool sample_is_allowed(struct metrics *metrics, const char *label)
{
    bool allowed = metrics->name[0] && (!label || name_is_valid(label));

    metrics->mistakes += !allowed;
    return allowed;
}

/* Name and label of a sample; false when there is no family to put it into. */
static bool sample_begin(struct metrics *metrics, const char *suffix, const char *label, const char *label_value)
{
    if (!sample_is_allowed(metrics, label))
        return false;
    buffer_add_text(metrics->buffer, metrics->name);
    buffer_add_text(metrics->buffer, suffix);
    if (label) {
        label_add(metrics, "{", label, label_value);
        buffer_add_text(metrics->buffer, "}");
    }
    buffer_add_text(metrics->buffer, " ");
    return true;
}

void metrics_sample_pair(struct metrics *metrics, const char *label, const char *label_value, const char *label2,
                         const char *label2_value, uint64_t value)
{
    if (!sample_is_allowed(metrics, label) || !sample_is_allowed(metrics, label2))
        return;
    buffer_add_text(metrics->buffer, metrics->name);
    label_add(metrics, "{", label, label_value);
    label_add(metrics, ",", label2, label2_value);
    buffer_add_format(metrics->buffer, "} %" PRIu64 "\n", value);
}

void metrics_sample(struct metrics *metrics, const char *label, const char *label_value, double value)
{
    if (!sample_begin(metrics, "", label, label_value))
        return;
    number_add(metrics, value);
    buffer_add_text(metrics->buffer, "\n");
}

void metrics_sample_u64(struct metrics *metrics, const char *label, const char *label_value, uint64_t value)
{
    if (sample_begin(metrics, "", label, label_value))
        buffer_add_format(metrics->buffer, "%" PRIu64 "\n", value);
}

void metrics_counter(struct metrics *metrics, const char *name, const char *help, uint64_t value)
{
    metrics_family(metrics, name, METRIC_COUNTER, help);
    metrics_sample_u64(metrics, NULL, NULL, value);
}

void metrics_gauge(struct metrics *metrics, const char *name, const char *help, double value)
{
    metrics_family(metrics, name, METRIC_GAUGE, help);
    metrics_sample(metrics, NULL, NULL, value);
}

void metrics_bucket(struct metrics *metrics, double edge, uint64_t count)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%.9g", edge);
    if (sample_begin(metrics, "_bucket", "le", text))
        buffer_add_format(metrics->buffer, "%" PRIu64 "\n", count);
}

void metrics_histogram_end(struct metrics *metrics, uint64_t count, double sum)
{
    if (!sample_begin(metrics, "_bucket", "le", "+Inf"))
        return;
    buffer_add_format(metrics->buffer, "%" PRIu64 "\n%s_sum ", count, metrics->name);
    number_add(metrics, sum);
    buffer_add_format(metrics->buffer, "\n%s_count %" PRIu64 "\n", metrics->name, count);
}
