/* Calls: problems as JSON, the status of an error, the queues between threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/edges/http_call.h"

static struct http_queue home;

static int home_open(void **state)
{
    (void)state;
    return http_queue_init(&home, 0) == DROVER_OK ? 0 : -1;
}

static int home_close(void **state)
{
    (void)state;
    http_queue_done(&home);
    return 0;
}

static struct http_call *call_make(enum http_route_id route)
{
    struct http_call *call = http_call_new();
    assert_non_null(call);
    call->route = http_route_get(route);
    call->home = &home;
    return call;
}

static void a_problem_is_json_that_names_the_place(void **state)
{
    (void)state;
    http_call_problem(call_make(ROUTE_STATUS), 400, "mo\"del", "not %d \x01<b>", 7);
    struct http_call *call = http_queue_take(&home);
    assert_int_equal(call->status, 400);
    assert_string_equal(call->content_type, "application/problem+json");
    cJSON *json = cJSON_ParseWithLength(call->answer.bytes, call->answer.length);
    assert_non_null(json);
    assert_string_equal(cJSON_GetObjectItem(json, "type")->valuestring, "about:blank");
    assert_string_equal(cJSON_GetObjectItem(json, "title")->valuestring, "Bad Request");
    assert_int_equal(cJSON_GetObjectItem(json, "status")->valueint, 400);
    assert_string_equal(cJSON_GetObjectItem(json, "detail")->valuestring, "not 7 \x01<b>");
    assert_string_equal(cJSON_GetObjectItem(json, "where")->valuestring, "mo\"del");
    assert_null(memchr(call->answer.bytes, 1, call->answer.length));
    cJSON_Delete(json);
    http_call_free(call);
}

static void each_error_has_its_status(void **state)
{
    (void)state;
    static const struct {
        enum drover_error error;
        int status;
    } rows[] = {{DROVER_NOT_FOUND, 404},   {DROVER_CONFLICT, 409}, {DROVER_REFUSED, 409}, {DROVER_DUPLICATE, 409}, {DROVER_UNAVAILABLE, 503},
                {DROVER_TIMEOUT, 503},     {DROVER_STORE, 503},    {DROVER_FULL, 503},    {DROVER_MEMORY, 500},    {DROVER_SYNTAX, 500}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_call_error(call_make(ROUTE_STATUS), rows[i].error, "thing");
        struct http_call *call = http_queue_take(&home);
        assert_int_equal(call->status, rows[i].status);
        assert_int_equal(call->retry_after_s > 0, rows[i].status == 503);
        http_call_free(call);
    }
}

static void an_answer_too_large_becomes_a_problem(void **state)
{
    (void)state;
    struct http_call *call = call_make(ROUTE_STATUS);
    char *bytes = calloc(1, 20 << 20);
    assert_non_null(bytes);
    buffer_add(&call->answer, bytes, 20 << 20);
    http_call_send(call, 200);
    free(bytes);
    assert_ptr_equal(http_queue_take(&home), call);
    assert_int_equal(call->status, 500);
    assert_false(call->answer.failed);
    http_call_free(call);
}

static void integers_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "1001", "-1", "1x", "0x1", " 1", "01", "99999999999999999999"};
    int64_t value = 0;
    struct http_call *call = call_make(ROUTE_DEVICE_LIST);
    assert_true(http_call_query_i64(call, "limit", 1, 1000, 7, &value));
    assert_int_equal(value, 7);
    call->query[http_query_index(call->route, "limit")] = strdup("1000");
    assert_true(http_call_query_i64(call, "limit", 1, 1000, 7, &value));
    assert_int_equal(value, 1000);
    http_call_free(call);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call = call_make(ROUTE_DEVICE_LIST);
        call->query[http_query_index(call->route, "limit")] = strdup(bad[i]);
        assert_false(http_call_query_i64(call, "limit", 1, 1000, 7, &value));
        assert_ptr_equal(http_queue_take(&home), call);
        assert_int_equal(call->status, 400);
        http_call_free(call);
    }
}

static bool is_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, 0) == 1;
}

static void a_full_queue_refuses_and_keeps_its_order(void **state)
{
    (void)state;
    struct http_queue queue;
    assert_int_equal(http_queue_init(&queue, 2), DROVER_OK);
    struct http_call *calls[3] = {call_make(ROUTE_STATUS), call_make(ROUTE_STATUS), call_make(ROUTE_STATUS)};
    assert_false(is_readable(queue.event_fd));
    assert_true(http_queue_push(&queue, calls[0]));
    assert_true(http_queue_push(&queue, calls[1]));
    assert_false(http_queue_push(&queue, calls[2]));
    assert_true(is_readable(queue.event_fd));
    struct http_call *taken = http_queue_take(&queue);
    assert_ptr_equal(taken, calls[0]);
    assert_ptr_equal(taken->next, calls[1]);
    assert_null(taken->next->next);
    assert_false(is_readable(queue.event_fd));
    assert_true(http_queue_push(&queue, calls[2]));
    assert_true(is_readable(queue.event_fd));
    http_queue_done(&queue);   /* frees what is left in it */
    http_call_free(calls[0]);
    http_call_free(calls[1]);
}

enum { PRODUCERS = 4, CALLS_EACH = 5000 };

static void *produce(void *arg)
{
    struct http_queue *queue = arg;
    for (uint64_t i = 1; i <= CALLS_EACH; i++) {
        struct http_call *call = http_call_new();
        if (call == NULL)
            return NULL;
        call->ticket = i;
        (void)http_queue_push(queue, call);
    }
    return queue;
}

/* Many producers, one consumer that sleeps on the eventfd: nothing is lost and no wake-up either. */
static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct http_queue queue;
    pthread_t threads[PRODUCERS];
    unsigned count = 0;
    uint64_t sum = 0;
    assert_int_equal(http_queue_init(&queue, 0), DROVER_OK);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &queue), 0);
    while (count < PRODUCERS * CALLS_EACH) {
        struct pollfd one = {.fd = queue.event_fd, .events = POLLIN};
        struct http_call *next;
        assert_int_equal(poll(&one, 1, 10000), 1);
        for (struct http_call *call = http_queue_take(&queue); call != NULL; call = next) {
            next = call->next;
            sum += call->ticket;
            count++;
            http_call_free(call);
        }
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sum, (uint64_t)PRODUCERS * CALLS_EACH * (CALLS_EACH + 1) / 2);
    http_queue_done(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_is_json_that_names_the_place), cmocka_unit_test(each_error_has_its_status),
        cmocka_unit_test(an_answer_too_large_becomes_a_problem),  cmocka_unit_test(integers_are_read_strictly),
        cmocka_unit_test(a_full_queue_refuses_and_keeps_its_order), cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, home_open, home_close);
}
