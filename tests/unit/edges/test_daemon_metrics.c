/* The Prometheus text, read by a strict reader of its own; and the histogram behind it. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/hash.h"
#include "orchestrator/edges/metrics_histogram.h"
#include "orchestrator/edges/process.h"

/* --- a strict reader: one sample a line, inside its family, no sample twice --- */

#define SAMPLES_MAX 256

struct page {
    char family[128], type[16];
    char families[64][128];
    unsigned family_count;
    char samples[SAMPLES_MAX][256];
    unsigned sample_count;
    char last_help[128];
};

static size_t name_length(const char *text)
{
    size_t length = 0;

    while (islower((unsigned char)text[length]) || text[length] == '_' || (length && isdigit((unsigned char)text[length])))
        length++;
    return length;
}

static void family_read(struct page *page, const char *line)
{
    char name[128], type[16];

    assert_int_equal(sscanf(line, "# TYPE %127s %15s", name, type), 2);
    assert_string_equal(page->last_help, name);
    assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 || strcmp(type, "histogram") == 0);
    assert_int_equal(strcmp(type, "counter") == 0, strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0);
    for (unsigned i = 0; i < page->family_count; i++)
        assert_string_not_equal(page->families[i], name);
    strcpy(page->families[page->family_count++], name);
    strcpy(page->family, name);
    strcpy(page->type, type);
}

static const char *labels_read(const char *at)
{
    if (*at != '{')
        return at;
    do {
        at++;
        assert_true(name_length(at) > 0);
        at += name_length(at);
        assert_int_equal(strncmp(at, "=\"", 2), 0);
        for (at += 2; *at != '"'; at++) {
            assert_true(*at != '\0' && *at != '\n');
            if (*at == '\\') {
                at++;
                assert_non_null(strchr("\\\"n", *at));
            }
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

static void sample_read(struct page *page, const char *line)
{
    size_t length = name_length(line), family = strlen(page->family);
    const char *at = labels_read(line + length);
    char *end;

    assert_true(length >= family && strncmp(line, page->family, family) == 0);
    if (strcmp(page->type, "histogram") != 0)
        assert_int_equal(length, family);
    else
        assert_true(strncmp(line + family, "_bucket", 7) == 0 || strncmp(line + family, "_sum", 4) == 0 || strncmp(line + family, "_count", 6) == 0);
    assert_int_equal(*at, ' ');
    for (unsigned i = 0; i < page->sample_count; i++)
        assert_false(strlen(page->samples[i]) == (size_t)(at - line) && strncmp(page->samples[i], line, (size_t)(at - line)) == 0);
    memcpy(page->samples[page->sample_count++], line, (size_t)(at - line));
    (void)strtod(at + 1, &end);
    assert_true(end > at + 1 && *end == '\0');
}

static void page_read(struct page *page, char *text)
{
    char *save = NULL;

    memset(page, 0, sizeof *page);
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "# HELP ", 7) == 0)
            assert_int_equal(sscanf(line, "# HELP %127s", page->last_help), 1);
        else if (line[0] == '#')
            family_read(page, line);
        else
            sample_read(page, line);
    }
}

static void a_page_follows_the_format(void **state)
{
    static struct page page;
    struct histogram histogram = {.count = 0};
    struct metrics metrics;
    struct buffer text;

    (void)state;
    buffer_init(&text, 0);
    metrics_begin(&metrics, &text);
    metrics_counter(&metrics, "beats", "With \\ and\nnewline.", 18446744073709551615ULL);
    metrics_gauge(&metrics, "lag_seconds", "A gauge.", 0.1);
    metrics_family(&metrics, "moves", METRIC_COUNTER, "With labels.");
    metrics_sample_u64(&metrics, "on", "plain", 1);
    metrics_sample_u64(&metrics, "on", "quote \" backslash \\ line\nend", 2);
    metrics_family(&metrics, "refused", METRIC_COUNTER, "With two.");
    metrics_sample_pair(&metrics, "message", "report", "reason", "syntax", 3);
    histogram_record(&histogram, 300);
    histogram_write(&histogram, &metrics, "wait_seconds", "A histogram.", 128, 1024, 1e-6);
    assert_int_equal(metrics.mistakes, 0);
    assert_false(text.failed);
    assert_non_null(strstr(text.bytes, "drover_beats_total 18446744073709551615\n"));
    assert_non_null(strstr(text.bytes, "# HELP drover_beats_total With \\\\ and\\nnewline.\n"));
    assert_non_null(strstr(text.bytes, "drover_lag_seconds 0.1\n"));
    assert_non_null(strstr(text.bytes, "drover_wait_seconds_bucket{le=\"0.000256\"} 0\n"));
    assert_non_null(strstr(text.bytes, "drover_wait_seconds_bucket{le=\"0.000512\"} 1\n"));
    assert_non_null(strstr(text.bytes, "drover_wait_seconds_bucket{le=\"+Inf\"} 1\n"));
    page_read(&page, text.bytes);
    assert_int_equal(page.family_count, 5);
    assert_int_equal(page.sample_count, 5 + 4 + 1 + 2);
    buffer_done(&text);
}

static void mistakes_are_left_out_and_counted(void **state)
{
    struct metrics metrics;
    struct buffer text;

    (void)state;
    buffer_init(&text, 0);
    metrics_begin(&metrics, &text);
    metrics_sample_u64(&metrics, NULL, NULL, 1);              /* outside a family */
    metrics_counter(&metrics, "twice", "Once.", 1);
    metrics_counter(&metrics, "twice_total", "Twice.", 2);    /* the same name; its sample has no family either */
    metrics_gauge(&metrics, "bad name", "No.", 1);
    metrics_gauge(&metrics, "gauge_total", "A gauge that looks like a counter.", 1);
    metrics_family(&metrics, "good", METRIC_GAUGE, "Label.");
    metrics_sample_u64(&metrics, "bad-label", "x", 1);
    assert_int_equal(metrics.mistakes, 8);
    assert_null(strstr(text.bytes, "Twice"));
    assert_null(strstr(text.bytes, "bad"));
    buffer_done(&text);
}

static void buckets_partition_all_values(void **state)
{
    uint64_t expected = 0;

    (void)state;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t last = histogram_bucket_max(bucket);

        assert_true(last >= expected);
        assert_int_equal(histogram_bucket(expected), bucket);
        assert_int_equal(histogram_bucket(last), bucket);
        expected = last + 1;
    }
    assert_int_equal(expected, 1ULL << HISTOGRAM_POWERS);
}

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* A quantile is never below the true one and at most an eighth above. */
static void quantiles_are_close(void **state)
{
    static struct histogram histogram;
    static uint64_t values[10000];
    static const double quantiles[] = {0, 0.01, 0.5, 0.9, 0.99, 0.999};

    (void)state;
    for (size_t i = 0; i < 10000; i++) {
        values[i] = hash_mix(i) >> (24 + hash_mix(~i) % 40);
        histogram_record(&histogram, (int64_t)values[i]);
    }
    qsort(values, 10000, sizeof values[0], ascending);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        uint64_t truth = values[(size_t)(quantiles[i] * 10000)], told = histogram_quantile(&histogram, quantiles[i]);

        assert_true(told >= truth && told <= truth + truth / 8 + 1);
    }
    assert_int_equal(histogram_quantile(&histogram, 1), values[9999]);
    assert_int_equal(histogram.count, 10000);
}

static void extremes_are_clamped(void **state)
{
    struct histogram histogram = {.count = 0};

    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    histogram_record(&histogram, -5);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 0);
    histogram_record(&histogram, INT64_MAX);
    assert_int_equal(histogram.max, (1ULL << HISTOGRAM_POWERS) - 1);
    histogram_clear(&histogram);
    assert_int_equal(histogram.count, 0);
}

static void this_process_is_measured(void **state)
{
    const struct process_facts facts = process_facts();

    (void)state;
    assert_true(facts.resident_bytes > 100000);
    assert_true(facts.open_fds >= 2 && facts.open_fds <= facts.max_fds);
    assert_true(facts.start_unix_s > 1.6e9);
    assert_true(facts.cpu_s >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_follows_the_format),
        cmocka_unit_test(mistakes_are_left_out_and_counted),
        cmocka_unit_test(buckets_partition_all_values),
        cmocka_unit_test(quantiles_are_close),
        cmocka_unit_test(extremes_are_clamped),
        cmocka_unit_test(this_process_is_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
