/* Buckets: 0 .. 7 hold one value each; from 8 on, a power of two [2^p, 2^(p+1)) is cut into 8 equal parts. */
#include "orchestrator/edges/metrics_histogram.h"

#include <string.h>

#define VALUE_MAX ((1ULL << HISTOGRAM_POWERS) - 1)

unsigned histogram_bucket(uint64_t value)
{
    unsigned power;

    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    power = 63 - (unsigned)__builtin_clzll(value);
    return (power - 2) * HISTOGRAM_STEPS + (unsigned)((value >> (power - 3)) & (HISTOGRAM_STEPS - 1));
}

uint64_t histogram_bucket_max(unsigned bucket)
{
    unsigned power = bucket / HISTOGRAM_STEPS + 2, step = bucket % HISTOGRAM_STEPS;

    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    return (1ULL << power) + ((uint64_t)(step + 1) << (power - 3)) - 1;
}

void histogram_record(struct histogram *histogram, int64_t value)
{
    uint64_t clamped = value < 0 ? 0 : (uint64_t)value > VALUE_MAX ? VALUE_MAX : (uint64_t)value;

    histogram->buckets[histogram_bucket(clamped)]++;
    histogram->count++;
    histogram->sum += clamped;
    if (clamped > histogram->max)
        histogram->max = clamped;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    uint64_t rank = (uint64_t)(quantile * (double)histogram->count), seen = 0;

    if (rank >= histogram->count)
        return histogram->max;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > rank)
            return histogram_bucket_max(i) < histogram->max ? histogram_bucket_max(i) : histogram->max;
    }
    return histogram->max;
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void histogram_write(const struct histogram *histogram, struct metrics *metrics, const char *name, const char *help,
                     uint64_t first, uint64_t last, double scale)
{
    uint64_t seen = 0;
    unsigned bucket = 0;

    metrics_family(metrics, name, METRIC_HISTOGRAM, help);
    for (uint64_t edge = first; edge <= last; edge *= 2) {
        for (; bucket < HISTOGRAM_BUCKETS && histogram_bucket_max(bucket) < edge; bucket++)
            seen += histogram->buckets[bucket];
        metrics_bucket(metrics, (double)edge * scale, seen);
    }
    metrics_histogram_end(metrics, histogram->count, (double)histogram->sum * scale);
}
