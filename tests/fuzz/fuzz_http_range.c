/* Any bytes as the values of Range, If-Range and If-None-Match: what is answered lies inside the file, whatever its size. */
#include "fuzz.h"

#include <stdlib.h>

#include "orchestrator/edges/http_range.h"
#include "orchestrator/edges/http_route.h"

static void range_check(const char *text, size_t length, int64_t size)
{
    struct http_ranges ranges = http_range_read(text, length, size);

    MUST(ranges.count <= HTTP_RANGES_MAX && (ranges.kind == HTTP_PARTS) == (ranges.count > 1));
    MUST((ranges.kind == HTTP_UNSATISFIABLE) == (ranges.count == 0));
    MUST(ranges.kind != HTTP_WHOLE || (ranges.list[0].start == 0 && ranges.list[0].length == size));
    for (unsigned i = 0; i < ranges.count; i++) {
        const struct http_range *one = &ranges.list[i];

        MUST(one->start >= 0 && one->start <= size && one->length <= size - one->start && (one->length > 0 || ranges.kind == HTTP_WHOLE));
        for (unsigned j = 0; j < i; j++)   /* a gap between any two */
            MUST(one->start + one->length < ranges.list[j].start || ranges.list[j].start + ranges.list[j].length < one->start);
    }
}

/* The same bytes as a path and as a query: found or not, nothing is read beyond them and nothing is left allocated. */
static void route_check(const char *text)
{
    struct http_found found;
    char *values[HTTP_QUERY_MAX] = {0};

    for (int method = HTTP_GET; method <= HTTP_OTHER; method++)
        MUST((http_route_find(HTTP_OPERATORS, (enum http_method)method, text, &found) == HTTP_MATCHED) == (found.route != NULL));
    if (http_query_read(http_route_get(ROUTE_DEVICE_LIST), text, values, NULL) != DROVER_OK)
        for (size_t i = 0; i < HTTP_QUERY_MAX; i++)
            MUST(values[i] == NULL);
    for (size_t i = 0; i < HTTP_QUERY_MAX; i++)
        free(values[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const int64_t sizes[] = {0, 1, 10, 1 << 20, INT64_MAX};
    char *text = malloc(length + 1);   /* a copy of its own, so that a read beyond it is seen */

    MUST(text);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        range_check((const char *)bytes, length, sizes[i]);
    if (length)
        memcpy(text, bytes, length);
    text[length] = '\0';
    (void)http_if_range_holds(text, "\"a\"");
    (void)http_none_match_hits(text, "\"a\"");
    route_check(text);
    free(text);
    return 0;
}
