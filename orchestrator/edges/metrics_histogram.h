/* A log-linear histogram: 8 buckets for each power of two, so that a value is known to 12.5 % from 1 to 2^40.
 * Fixed memory, O(1) to record, no locks: one thread owns it. */
#pragma once

#include <stdint.h>

#include "orchestrator/edges/metrics.h"

#define HISTOGRAM_STEPS 8                          /* buckets for each power of two */
#define HISTOGRAM_POWERS 40
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * (HISTOGRAM_POWERS - 2))

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum;
    uint64_t max;
};

void histogram_record(struct histogram *histogram, int64_t value);   /* below 0 counts as 0, above 2^40 as 2^40 */
/* The largest value that falls into the same bucket as the quantile (0 .. 1), never over the maximum; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);
void histogram_clear(struct histogram *histogram);
/* The bucket of a value, and the largest value of a bucket; for tests. */
unsigned histogram_bucket(uint64_t value);
uint64_t histogram_bucket_max(unsigned bucket);

/* Prometheus text; a value that is exactly an edge counts to the bucket above it. Cumulative buckets at the powers of two between first and last (the values' own unit), times `scale`. */
void histogram_write(const struct histogram *histogram, struct metrics *metrics, const char *name, const char *help,
                     uint64_t first, uint64_t last, double scale);
