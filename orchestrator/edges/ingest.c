/* What both intakes share: starting, stopping, rewinding, counting. */
#include "orchestrator/edges/ingest.h"

#include <stdlib.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/ingest_parts.h"

#define LATE_MAX_BYTES ((size_t)64 << 20)

static void ring_readable(evutil_socket_t fd, short what, void *arg)
{
    struct intake *intake = arg;

    (void)fd;
    (void)what;
    ring_woken(intake->ring);
    intake->turn(intake->ingest);
}

static void turn_again(evutil_socket_t fd, short what, void *arg)
{
    struct intake *intake = arg;

    (void)fd;
    (void)what;
    intake->turn(intake->ingest);
}

static void turn_later(evutil_socket_t fd, short what, void *arg)
{
    struct intake *intake = arg;

    (void)fd;
    (void)what;
    intake->waits = false; /* the backoff's end, if it was one */
    intake->turn(intake->ingest);
}

static bool intake_init(struct intake *intake, struct ingest *ingest, struct ring *ring, void (*turn)(struct ingest *))
{
    struct event_base *base = ingest->config.base;

    *intake = (struct intake){.ingest = ingest, .ring = ring, .turn = turn, .waits = true};
    intake->readable = event_new(base, ring_fd(ring), EV_READ | EV_PERSIST, ring_readable, intake);
    intake->again = event_new(base, -1, 0, turn_again, intake);
    intake->later = event_new(base, -1, 0, turn_later, intake);
    return intake->readable && intake->again && intake->later && event_add(intake->readable, NULL) == 0;
}

static void intake_done(struct intake *intake)
{
    struct event *events[] = {intake->readable, intake->again, intake->later};

    for (unsigned i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
}

struct ingest *ingest_new(const struct ingest_config *config)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    bool ready;

    if (!ingest)
        return NULL;
    ingest->config = *config;
    ingest->gather.stamp = 1;
    ingest->late = late_new(config->late_max_bytes ? config->late_max_bytes : LATE_MAX_BYTES);
    ready = ingest->late && intake_init(&ingest->heartbeats, ingest, config->heartbeats, heartbeats_turn);
    ready = ready && intake_init(&ingest->reports, ingest, config->reports, reports_turn);
    if (!ready) {
        ingest_free(ingest);
        return NULL;
    }
    intake_go_on(&ingest->heartbeats); /* watches over its ring also while Redis is not there */
    return ingest;
}

void ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return;
    intake_done(&ingest->heartbeats);
    intake_done(&ingest->reports);
    late_free(ingest->late);
    free(ingest);
}

void intake_go_on(struct intake *intake)
{
    event_active(intake->again, EV_TIMEOUT, 0);
}

void intake_go_on_in(struct intake *intake, int64_t wait_ms)
{
    struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000), .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};

    event_add(intake->later, &wait);
}

bool intake_may_read(const struct intake *intake)
{
    return !intake->waits && !intake->broken && !intake->ingest->ended;
}

static void intake_resume(struct intake *intake)
{
    intake->failures = 0;
    intake->waits = false;
    event_del(intake->later);
    intake_go_on(intake);
}

void ingest_resume(struct ingest *ingest)
{
    if (ingest->ended)
        return;
    /* Reports first: a replayed heartbeat is then judged by what the device had said before it. */
    intake_resume(&ingest->reports);
    intake_resume(&ingest->heartbeats);
}

void ingest_stop(struct ingest *ingest)
{
    ingest->ended = true;
}

bool ingest_is_retried(enum drover_error error)
{
    switch (error) {
    case DROVER_UNAVAILABLE:
    case DROVER_STORE:
    case DROVER_FULL:
    case DROVER_TIMEOUT:
    case DROVER_MEMORY:
    case DROVER_IO:
    case DROVER_NO_SPACE:
        return true;
    default:
        return false;
    }
}

void intake_answered(struct intake *intake, enum ingest_message message, enum drover_error error, const char *why)
{
    intake->ingest->counters.answered[message][error]++;
    if (!ingest_is_retried(error))
        return;
    heartbeats_go_on_after_reports(intake->ingest);
    if (!intake->broken)
        log_event(error == DROVER_STORE ? LOG_ERROR : LOG_WARN, "ingest_stopped", LOG_TEXT("message", ingest_message_name(message)),
                  LOG_TEXT("error", drover_error_text(error)), LOG_TEXT("why", why));
    intake->broken = true;
}

void intake_settle(struct intake *intake, unsigned outstanding)
{
    struct ingest *ingest = intake->ingest;

    if (!intake->broken || outstanding > 0) {
        intake_go_on(intake);
        return;
    }
    ring_rewind(intake->ring);
    if (intake == &ingest->heartbeats)
        heartbeats_rewound(ingest);
    else
        reports_rewound(ingest);
    intake->broken = false;
    intake->waits = true;
    ingest->counters.rewinds++;
    intake_go_on_in(intake, backoff_full_jitter_ms(RETRY_BASE_MS, RETRY_CAP_MS, intake->failures++, clock_random()));
    intake_go_on(intake); /* the ring may be full already */
}

void ingest_refuse(struct ingest *ingest, enum ingest_message message, const struct ring_record *record, const struct problem *problem)
{
    char topic[80];

    ingest->counters.refused[message][problem->error]++;
    log_event(LOG_WARN, "message_refused", LOG_TEXT("message", ingest_message_name(message)),
              LOG_TEXT("reason", drover_error_name(problem->error)), LOG_TEXT("where", problem->where), LOG_TEXT("what", problem->what),
              LOG_TEXT("topic", text_excerpt(topic, sizeof topic, record->topic, record->topic_length)));
}

const char *ingest_message_name(enum ingest_message message)
{
    static const char *const names[INGEST_MESSAGE_COUNT] = {
        [INGEST_HEARTBEAT] = "heartbeat", [INGEST_ONLINE] = "online", [INGEST_REPORT] = "report",
        [INGEST_SERVED] = "served", [INGEST_OTHER] = "other",
    };

    return names[message];
}

size_t ingest_outstanding(const struct ingest *ingest)
{
    return ingest->batch_count + ingest->call_count;
}

bool ingest_is_drained(const struct ingest *ingest)
{
    return ingest_outstanding(ingest) == 0 && late_count(ingest->late) == 0 && ring_state(ingest->heartbeats.ring).used_bytes == 0 &&
           ring_state(ingest->reports.ring).used_bytes == 0;
}

static int64_t older(int64_t left_ms, int64_t right_ms)
{
    return right_ms != 0 && (left_ms == 0 || right_ms < left_ms) ? right_ms : left_ms;
}

void ingest_counters(const struct ingest *ingest, int64_t now_unix_ms, struct ingest_counters *ret_counters)
{
    struct ingest_counters counters = ingest->counters;
    int64_t oldest_ms;

    counters.stopped = ingest->heartbeats.waits || ingest->heartbeats.broken || ingest->reports.waits || ingest->reports.broken;
    counters.late = late_count(ingest->late);
    counters.outstanding_batches = ingest->batch_count;
    counters.outstanding_reports = ingest->call_count;
    counters.heartbeats = ring_state(ingest->heartbeats.ring);
    counters.reports = ring_state(ingest->reports.ring);
    oldest_ms = older(older(counters.heartbeats.oldest_ms, counters.reports.oldest_ms), late_oldest_ms(ingest->late));
    counters.lag_ms = oldest_ms != 0 && now_unix_ms > oldest_ms ? now_unix_ms - oldest_ms : 0;
    *ret_counters = counters;
}
