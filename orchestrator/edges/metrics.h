/* Writes the Prometheus text format (version 0.0.4): a family (HELP, TYPE), then its samples.
 * Keeps the format's rules itself: valid names, counters end in _total, no family twice, no sample outside a family;
 * a broken rule is counted and the sample left out, so that one mistake never spoils the whole page. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"

#define METRICS_FAMILIES_MAX 512
#define METRICS_NAME_SIZE 96

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics {
    struct buffer *buffer;
    uint64_t seen[METRICS_FAMILIES_MAX];   /* hashes of the family names so far */
    unsigned family_count;
    char name[METRICS_NAME_SIZE];          /* of the family being written; "" : none */
    unsigned mistakes;                     /* samples and families left out */
};

void metrics_begin(struct metrics *metrics, struct buffer *buffer);
/* Begins a family: drover_ + name, with _total added to a counter's name when it is missing. */
void metrics_family(struct metrics *metrics, const char *name, enum metric_kind kind, const char *help);
/* One sample of the family; label NULL: without label. Values of labels are escaped. */
void metrics_sample(struct metrics *metrics, const char *label, const char *label_value, double value);
void metrics_sample_u64(struct metrics *metrics, const char *label, const char *label_value, uint64_t value);
/* One sample with two labels. */
void metrics_sample_pair(struct metrics *metrics, const char *label, const char *label_value, const char *label2,
                         const char *label2_value, uint64_t value);
/* Family with a single sample without label. */
void metrics_counter(struct metrics *metrics, const char *name, const char *help, uint64_t value);
void metrics_gauge(struct metrics *metrics, const char *name, const char *help, double value);
/* Of a histogram: cumulative counts by rising edge, then the end. */
void metrics_bucket(struct metrics *metrics, double edge, uint64_t count);
void metrics_histogram_end(struct metrics *metrics, uint64_t count, double sum);
