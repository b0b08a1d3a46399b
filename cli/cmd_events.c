/* drover events: pages through the event stream; with --follow it is fed by the server (server-sent events), or waits for more by long polls where
 * the server is an older one. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/list.h"
#include "cli/sse.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/text.h"
#include "proto/stream_entry.h"

#define PAGE_EVENTS 1000   /* the most that the API gives at a time */
#define WAIT_MS 25000
#define SINCE_MS 600000
#define PATIENCE_MS 60000
#define FEED_STALL_MS 40000   /* the server says something each 15 s */
#define FEED_BASE_MS 200
#define FEED_CAP_MS 5000
#define EVENT_ID_SIZE 48

struct reader {
    struct cli *cli;
    char after[EVENT_ID_SIZE];
    bool follow;
    int64_t left;      /* of --limit; -1: no limit */
    bool at_end;       /* nothing came and the server did not move on */
};

/* An event's id begins with its time, so that "an hour ago" is an id too. */
static void start_choose(struct reader *reader)
{
    struct cli *cli = reader->cli;
    const char *after = cli_text(cli, OPT_AFTER);

    if (after)
        (void)text_copy(reader->after, sizeof reader->after, after);
    else if (reader->follow && !cli_given(cli, OPT_SINCE))
        (void)text_copy(reader->after, sizeof reader->after, "$");
    else
        (void)snprintf(reader->after, sizeof reader->after, "%lld-0",
                       (long long)(clock_unix_ms() - cli_number(cli, OPT_SINCE, SINCE_MS)));
}

/* The long poll must end before --timeout does. */
static int64_t wait_choose(const struct reader *reader)
{
    int64_t left = api_left_ms(&reader->cli->api);

    if (!reader->follow)
        return 0;
    return left < WAIT_MS + 1000 ? (left > 1000 ? left - 1000 : 1) : WAIT_MS;
}

static void path_write(const struct reader *reader, int64_t wait_ms, struct buffer *out)
{
    char number[24];
    int64_t limit = reader->left >= 0 && reader->left < PAGE_EVENTS ? reader->left : PAGE_EVENTS;

    buffer_add_text(out, "/api/v1/events");
    http_query_add(out, "after", reader->after);
    http_query_add(out, "rollout", cli_text(reader->cli, OPT_ROLLOUT));
    http_query_add(out, "device", cli_text(reader->cli, OPT_DEVICE));
    (void)snprintf(number, sizeof number, "%lld", (long long)limit);
    http_query_add(out, "limit", number);
    (void)snprintf(number, sizeof number, "%lld", (long long)wait_ms);
    http_query_add(out, "wait_ms", wait_ms ? number : NULL);
}

/* What it asked for is not all there any more. */
static void gap_note(const struct reader *reader, const struct cJSON *gap)
{
    const char *first = value_text(gap, "first");
    struct stream_id id;

    if (stream_id_read(first, strlen(first), &id))
        cli_note(reader->cli, "events are missing: the log is trimmed, and begins with %s now", first);
    else
        cli_note(reader->cli, "events are missing: the log is trimmed, and empty now");
}

static enum cli_exit page_take(struct reader *reader, const struct cJSON *answer)
{
    const char *next = value_text(answer, "next");
    int64_t printed;

    if (value_find(answer, "gap"))
        gap_note(reader, value_find(answer, "gap"));
    output_begin_once(&reader->cli->output, &event_list_view);
    printed = list_items_print(reader->cli, answer, reader->left > 0 ? reader->left : 0);
    if (reader->left > 0)
        reader->left -= printed;
    reader->at_end = printed == 0 && (!next[0] || strcmp(next, reader->after) == 0);
    if (next[0] && !text_copy(reader->after, sizeof reader->after, next))
        return cli_fail(reader->cli, CLI_FAILED, "the server's event id is too long");
    if (!next[0] && printed > 0)
        return cli_fail(reader->cli, CLI_FAILED, "the server does not say where the next events begin");
    if (printed && reader->follow)
        output_show(&reader->cli->output);
    return CLI_OK;
}

static enum cli_exit page_read(struct reader *reader)
{
    int64_t wait_ms = wait_choose(reader);
    struct api_answer answer;
    struct buffer path;
    enum cli_exit code;

    buffer_init(&path, 0);
    path_write(reader, wait_ms, &path);
    code = api_call(&reader->cli->api,
                    &(struct api_call){.method = "GET", .path = path.bytes, .repeatable = true, .hold_ms = wait_ms,
                                       .patience_ms = reader->follow ? PATIENCE_MS : 0},
                    &answer);
    code = code ? cli_refused(reader->cli, &answer) : page_take(reader, answer.json);
    api_answer_done(&answer);
    buffer_done(&path);
    return code;
}

/* --- fed by the server --- */

struct feed {
    struct reader *reader;
    struct sse sse;
    int64_t heard_ms;   /* monotonic: when the server last said anything */
    bool told;          /* an event came by this connection */
};

static bool event_came(void *arg, const char *type, const char *data, size_t length)
{
    struct feed *feed = arg;
    struct reader *reader = feed->reader;
    cJSON *event = cJSON_ParseWithLength(data, length);

    feed->told = true;
    if (strcmp(type, "gap") == 0) {
        gap_note(reader, event);
    } else if (cJSON_IsObject(event)) {
        output_begin_once(&reader->cli->output, &event_list_view);
        output_item(&reader->cli->output, event, clock_unix_ms());
        output_show(&reader->cli->output);
        if (reader->left > 0)
            reader->left--;
    }
    cJSON_Delete(event);
    return reader->left != 0;
}

static bool bytes_came(void *arg, const char *bytes, size_t length)
{
    struct feed *feed = arg;

    feed->heard_ms = clock_mono_ms();
    return sse_feed(&feed->sse, bytes, length);
}

static void feed_path_write(const struct reader *reader, struct buffer *out)
{
    buffer_add_text(out, "/api/v1/events/stream");
    http_query_add(out, "after", reader->after);
    http_query_add(out, "rollout", cli_text(reader->cli, OPT_ROLLOUT));
    http_query_add(out, "device", cli_text(reader->cli, OPT_DEVICE));
}

/* One connection. *ret_again: come again, from reader->after. */
static enum cli_exit feed_once(struct feed *feed, bool *ret_again, bool *ret_unknown)
{
    struct reader *reader = feed->reader;
    struct api_answer answer;
    struct buffer path;
    enum cli_exit code;
    bool broken = false;

    buffer_init(&path, 0);
    feed_path_write(reader, &path);
    sse_restart(&feed->sse);
    feed->told = false;
    code = api_stream(&reader->cli->api, path.bytes, FEED_STALL_MS, bytes_came, feed, &answer, &broken);
    if (feed->sse.id[0])
        (void)text_copy(reader->after, sizeof reader->after, feed->sse.id);
    *ret_unknown = answer.status == 404 || answer.status == 405;
    *ret_again = reader->left != 0 && (!code || (broken && clock_mono_ms() - feed->heard_ms < PATIENCE_MS));
    if (!code && (feed->sse.line.failed || feed->sse.data.failed))
        code = cli_fail(reader->cli, CLI_FAILED, "an event of the server's is too long");
    else if (code && !*ret_unknown && !*ret_again)
        code = cli_refused(reader->cli, &answer);
    api_answer_done(&answer);
    buffer_done(&path);
    return *ret_again && code != CLI_FAILED ? CLI_OK : code;
}

/* A connection that brought something, or lasted, was a good one: the next one comes soon. False: this server has no such path, ask it page by page. */
static bool feed_read(struct reader *reader, enum cli_exit *ret_code)
{
    struct feed feed = {.reader = reader, .heard_ms = clock_mono_ms()};
    bool again = true, unknown = false;
    unsigned tries = 0;

    sse_init(&feed.sse, event_came, &feed);
    while (again && api_left_ms(&reader->cli->api) > 0) {
        int64_t begun_ms = clock_mono_ms();
        *ret_code = feed_once(&feed, &again, &unknown);
        tries = feed.told || clock_mono_ms() - begun_ms >= FEED_CAP_MS ? 0 : tries + 1;
        if (again)
            (void)api_sleep(&reader->cli->api, backoff_full_jitter_ms(FEED_BASE_MS, FEED_CAP_MS, tries, clock_random()));
    }
    sse_done(&feed.sse);
    return !unknown;
}

enum cli_exit cmd_events(struct cli *cli)
{
    struct reader reader = {.cli = cli, .follow = cli_given(cli, OPT_FOLLOW)};
    int64_t limit = cli_number(cli, OPT_LIMIT, 0);
    enum cli_exit code = CLI_OK;

    reader.left = limit ? limit : -1;
    start_choose(&reader);
    bool fed = reader.follow && feed_read(&reader, &code);
    if (!fed)
        code = CLI_OK;
    while (!fed && !code && reader.left != 0 && (reader.follow || !reader.at_end)) {
        int64_t begun_ms = clock_mono_ms();

        code = page_read(&reader);
        if (!code && reader.follow && reader.at_end && clock_mono_ms() - begun_ms < 100 && !api_sleep(&cli->api, 200))
            break; /* a server that does not hold the poll is not asked in a tight loop */
        if (!code && reader.follow && api_left_ms(&cli->api) == 0)
            break;
    }
    output_end(&cli->output);
    if (!code && reader.follow && reader.left != 0)
        code = cli_fail(cli, CLI_TIMED_OUT, "the time is over");
    return code;
}
