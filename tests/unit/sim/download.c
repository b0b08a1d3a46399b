/* Downloads from a depot inside the test, which serves ranges well, badly, or not at all. */
#include "check.h"

#include <curl/curl.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/sha256.h"
#include "sim/download.h"

#define DEADLINE_MS 20000
#define SIZE 200000

enum trick { FAIR, NO_RANGES, WRONG_RANGE, OTHER_TOTAL, CHANGES, ALWAYS_CHANGES, BUSY_FIRST, GONE, LONGER, SHORT_BODY, WRONG_BYTES };

struct depot {
    struct event_base *base;
    struct evhttp *http;
    struct http *client;
    enum trick trick;
    char package[SIZE + 1];
    char url[64], sha256[SHA256_HEX_SIZE];
    unsigned requests, partial, if_ranges;
    struct download_totals totals;
    struct download *download;
    bool ended;
    enum download_result result;
    int64_t bytes;
    unsigned progress, progress_calls, cancel_at;
};

static void answer(struct depot *depot, struct evhttp_request *request, int status, size_t first, size_t last, const char *etag)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *body = evbuffer_new();
    size_t skew = depot->trick == WRONG_RANGE ? 1 : 0;
    char range[64];

    (void)snprintf(range, sizeof range, "bytes %zu-%zu/%d", first + skew, last + skew, depot->trick == OTHER_TOTAL ? SIZE + 1 : SIZE);
    if (status == 206)
        (void)evhttp_add_header(headers, "Content-Range", range);
    (void)evhttp_add_header(headers, "ETag", etag);
    (void)evbuffer_add(body, depot->package + first, last - first + 1);
    evhttp_send_reply(request, status, "OK", body);
    evbuffer_free(body);
}

static void serve(struct evhttp_request *request, void *arg)
{
    struct depot *depot = arg;
    const char *range = evhttp_find_header(evhttp_request_get_input_headers(request), "Range");
    const char *if_range = evhttp_find_header(evhttp_request_get_input_headers(request), "If-Range");
    bool changed = depot->trick == ALWAYS_CHANGES || (depot->trick == CHANGES && depot->requests >= 2);
    char etag[32];
    size_t first = 0, last = SIZE - 1;

    (void)snprintf(etag, sizeof etag, "\"v%u\"", depot->trick == ALWAYS_CHANGES ? depot->requests : changed ? 2 : 1);
    depot->requests++;
    depot->if_ranges += if_range != NULL;
    if (depot->trick == GONE) {
        evhttp_send_error(request, 404, "gone");
    } else if (depot->trick == BUSY_FIRST && depot->requests <= 2) {
        evhttp_send_error(request, 503, "busy");
    } else if (depot->trick == LONGER) {
        struct evbuffer *body = evbuffer_new();

        evhttp_send_reply_start(request, 200, "OK"); /* no length: it just goes on */
        (void)evbuffer_add(body, depot->package, SIZE + 1);
        evhttp_send_reply_chunk(request, body);
        evhttp_send_reply_end(request);
        evbuffer_free(body);
    } else if (depot->trick == SHORT_BODY) {
        answer(depot, request, 200, 0, SIZE - 2, etag);
    } else if (!range || sscanf(range, "bytes=%zu-%zu", &first, &last) != 2 || depot->trick == NO_RANGES ||
               (depot->trick == CHANGES && if_range && strcmp(if_range, etag) != 0)) {
        answer(depot, request, 200, 0, SIZE - 1, etag);
    } else {
        depot->partial++;
        answer(depot, request, 206, first, last, etag);
    }
}

static void progressed(void *arg, unsigned percent)
{
    struct depot *depot = arg;

    assert_true(percent >= depot->progress || depot->trick == CHANGES);
    depot->progress = percent;
    depot->progress_calls++;
    if (depot->cancel_at > 0 && percent >= depot->cancel_at) {
        depot->bytes = download_cancel(depot->download);
        depot->ended = true;
    }
}

static void ended(void *arg, enum download_result result, int64_t bytes)
{
    struct depot *depot = arg;

    depot->ended = true;
    depot->result = result;
    depot->bytes = bytes;
}

static const struct download_handler handler = {progressed, ended};

static int set_up(void **state)
{
    struct depot *depot = calloc(1, sizeof *depot);
    struct evhttp_bound_socket *bound;
    struct sha256 *sha256 = sha256_new();
    struct sockaddr_storage address;
    ev_socklen_t length = sizeof address;

    for (size_t i = 0; i < sizeof depot->package; i++)
        depot->package[i] = (char)hash_mix(i);
    sha256_add(sha256, depot->package, SIZE);
    sha256_hex(sha256, depot->sha256);
    sha256_free(sha256);
    depot->base = event_base_new();
    depot->http = evhttp_new(depot->base);
    evhttp_set_gencb(depot->http, serve, depot);
    bound = evhttp_bind_socket_with_handle(depot->http, "127.0.0.1", 0);
    assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length), 0);
    (void)snprintf(depot->url, sizeof depot->url, "http://127.0.0.1:%u/artifacts/x", ntohs(((struct sockaddr_in *)&address)->sin_port));
    depot->client = http_new(depot->base, NULL, 4);
    *state = depot;
    return 0;
}

static int tear_down(void **state)
{
    struct depot *depot = *state;

    http_free(depot->client);
    evhttp_free(depot->http);
    event_base_free(depot->base);
    free(depot);
    return 0;
}

static void fetch(struct depot *depot, enum trick trick, int64_t size, unsigned cuts)
{
    struct download_request request = {.url = depot->url, .device = "d1", .size_bytes = size, .sha256 = depot->sha256, .chunk_bytes = 60000, .cuts = cuts, .seed = 9};
    int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;

    depot->trick = trick;
    if (trick == WRONG_BYTES)
        depot->package[SIZE / 2]++;
    depot->download = download_start(depot->client, depot->base, &request, &handler, depot, &depot->totals);
    assert_non_null(depot->download);
    while (!depot->ended) {
        struct timeval slice = {.tv_usec = 5000};

        assert_true(clock_mono_ms() < deadline_ms);
        (void)event_base_loopexit(depot->base, &slice);
        (void)event_base_loop(depot->base, EVLOOP_ONCE);
    }
}

static void a_package_comes_in_ranges(void **state)
{
    struct depot *depot = *state;

    fetch(depot, FAIR, SIZE, 0);
    assert_int_equal(depot->result, DOWNLOAD_OK);
    assert_int_equal(depot->bytes, SIZE);
    assert_int_equal(depot->partial, 4);
    assert_int_equal(depot->if_ranges, 3);
    assert_int_equal(depot->progress, 100);
}

static void cuts_are_resumed_where_they_were(void **state)
{
    struct depot *depot = *state;

    fetch(depot, FAIR, SIZE, 3);
    assert_int_equal(depot->result, DOWNLOAD_OK);
    assert_int_equal(depot->bytes, SIZE); /* no byte was taken twice */
    assert_int_equal(depot->totals.cuts, 3);
    assert_true(depot->requests > 4);
}

static void a_depot_without_ranges_will_do(void **state)
{
    struct depot *depot = *state;

    fetch(depot, NO_RANGES, SIZE, 1);
    assert_int_equal(depot->result, DOWNLOAD_OK);
    assert_int_equal(depot->totals.restarts, 1); /* after the cut it had to begin again */
}

static void another_range_is_never_put_behind_the_first(void **state)
{
    struct depot *depot = *state;

    fetch(depot, WRONG_RANGE, SIZE, 0);
    assert_int_equal(depot->result, DOWNLOAD_HTTP);
    assert_int_equal(depot->bytes, 0);
}

static void a_changed_package_is_begun_again(void **state)
{
    struct depot *depot = *state;

    fetch(depot, CHANGES, SIZE, 0);
    assert_int_equal(depot->result, DOWNLOAD_OK);
    assert_int_equal(depot->totals.restarts, 1);
}

static void a_package_that_always_changes_is_given_up(void **state)
{
    struct depot *depot = *state;

    fetch(depot, ALWAYS_CHANGES, SIZE, 0);
    assert_int_equal(depot->result, DOWNLOAD_HTTP);
    assert_int_equal(depot->totals.restarts, 4);
}

static void a_busy_depot_is_tried_again(void **state)
{
    struct depot *depot = *state;

    fetch(depot, BUSY_FIRST, SIZE, 0);
    assert_int_equal(depot->result, DOWNLOAD_OK);
    assert_int_equal(depot->totals.retries, 2);
}

static void what_is_gone_is_not_asked_for_twice(void **state)
{
    struct depot *depot = *state;

    fetch(depot, GONE, SIZE, 0);
    assert_int_equal(depot->result, DOWNLOAD_HTTP);
    assert_int_equal(depot->requests, 1);
}

static void sizes_must_be_the_announced_ones(void **state)
{
    static const enum trick tricks[] = {OTHER_TOTAL, LONGER, SHORT_BODY};
    struct depot *depot = *state;

    for (size_t i = 0; i < COUNT_OF(tricks); i++) {
        depot->ended = false;
        fetch(depot, tricks[i], SIZE, 0);
        assert_int_equal(depot->result, DOWNLOAD_SIZE);
        assert_true(depot->bytes <= SIZE);
    }
}

static void wrong_bytes_are_found_out(void **state)
{
    struct depot *depot = *state;

    fetch(depot, WRONG_BYTES, SIZE, 0);
    assert_int_equal(depot->result, DOWNLOAD_SHA256);
}

static void it_can_be_cancelled_when_progress_is_told(void **state)
{
    struct depot *depot = *state;

    depot->cancel_at = 50;
    fetch(depot, FAIR, SIZE, 0);
    assert_int_equal(depot->bytes, 120000);
    assert_int_equal(depot->requests, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_package_comes_in_ranges),
        TEST(cuts_are_resumed_where_they_were),
        TEST(a_depot_without_ranges_will_do),
        TEST(another_range_is_never_put_behind_the_first),
        TEST(a_changed_package_is_begun_again),
        TEST(a_package_that_always_changes_is_given_up),
        TEST(a_busy_depot_is_tried_again),
        TEST(what_is_gone_is_not_asked_for_twice),
        TEST(sizes_must_be_the_announced_ones),
        TEST(wrong_bytes_are_found_out),
        TEST(it_can_be_cancelled_when_progress_is_told),
    };
    int failed;

    (void)signal(SIGPIPE, SIG_IGN); /* the depot writes to connections that were cut */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
