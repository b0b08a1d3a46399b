/* Reports, online messages and what the depot served: one call each, in the ring's order, CALLS_MAX outstanding at most. A message that is refused takes
 * its place in the queue too, as one that is answered already: `committed` moves over it when everything before it is answered. */
#include "common/clock.h"
#include "orchestrator/edges/ingest_parts.h"
#include "proto/online.h"

static void calls_advance(struct ingest *ingest)
{
    uint64_t end = 0;

    while (ingest->call_count > 0 && ingest->calls[ingest->call_first].done) {
        struct call *call = &ingest->calls[ingest->call_first];

        ingest->call_gap = ingest->call_gap || call->failed;
        if (!ingest->call_gap)
            end = call->end;
        ingest->call_first = (ingest->call_first + 1) % CALLS_MAX;
        ingest->call_count--;
    }
    if (end == 0)
        return;
    ring_commit(ingest->reports.ring, end);
    ingest->reports.failures = 0;
}

static void call_answered(void *arg, enum drover_error error, const char *why)
{
    struct call *call = arg;
    struct ingest *ingest = call->ingest;

    call->done = true;
    call->failed = ingest_is_retried(error);
    intake_answered(&ingest->reports, call->message, error, why);
    calls_advance(ingest);
    intake_settle(&ingest->reports, ingest->call_count);
}

static void online_answered(void *arg, enum drover_error error)
{
    call_answered(arg, error, drover_error_text(error));
}

static struct call *call_new(struct ingest *ingest, enum ingest_message message, uint64_t end)
{
    struct call *call = &ingest->calls[(ingest->call_first + ingest->call_count++) % CALLS_MAX];

    *call = (struct call){.ingest = ingest, .message = message, .end = end};
    ingest->counters.received[message]++;
    return call;
}

static void refuse(struct ingest *ingest, enum ingest_message message, const struct ring_record *record, const struct problem *problem)
{
    call_new(ingest, message, record->end)->done = true;
    ingest_refuse(ingest, message, record, problem);
}

static void take_report(struct ingest *ingest, const struct ring_record *record, const char *device_id)
{
    struct report report;
    struct problem problem;

    if (report_read(device_id, record->payload, record->payload_length, &report, &problem) != DROVER_OK)
        refuse(ingest, INGEST_REPORT, record, &problem);
    else
        flow_report(ingest->config.flow, &report, call_answered, call_new(ingest, INGEST_REPORT, record->end));
}

static void take_online(struct ingest *ingest, const struct ring_record *record, const char *device_id)
{
    struct problem problem;
    bool online;

    if (online_read(record->payload, record->payload_length, &online, &problem) != DROVER_OK)
        refuse(ingest, INGEST_ONLINE, record, &problem);
    else
        ingest->config.online(ingest->config.online_arg, device_id, online, record->arrived_ms, online_answered,
                              call_new(ingest, INGEST_ONLINE, record->end));
}

static void take_served(struct ingest *ingest, const struct ring_record *record)
{
    struct served served;
    struct problem problem;

    if (served_read(record, &served, &problem) != DROVER_OK)
        refuse(ingest, INGEST_SERVED, record, &problem);
    else
        flow_served(ingest->config.flow, &served, call_answered, call_new(ingest, INGEST_SERVED, record->end));
}

static void take_message(struct ingest *ingest, const struct ring_record *record)
{
    struct problem problem;
    struct topic topic = {.kind = TOPIC_EVENT};
    enum drover_error error = topic_read(record->topic, record->topic_length, &topic, &problem);
    enum ingest_message message = INGEST_OTHER;

    if (!error && topic.kind == TOPIC_REPORT)
        message = INGEST_REPORT;
    else if (!error && topic.kind == TOPIC_ONLINE)
        message = INGEST_ONLINE;
    else if (!error)
        error = problem_set(&problem, DROVER_UNKNOWN, "topic", "is not for us");
    if (!error && record->oversized)
        error = problem_set(&problem, DROVER_TOO_LONG, "payload", "over %d bytes", MESSAGE_SIZE);
    if (error)
        refuse(ingest, message, record, &problem);
    else if (message == INGEST_REPORT)
        take_report(ingest, record, topic.device_id);
    else
        take_online(ingest, record, topic.device_id);
}

static void take(struct ingest *ingest, const struct ring_record *record)
{
    if (served_is(record))
        take_served(ingest, record);
    else
        take_message(ingest, record);
}

/* True when the turn is over and there is more. */
static bool ring_read(struct ingest *ingest)
{
    int64_t end_us = clock_mono_us() + TURN_US;
    struct ring_record record;

    while (intake_may_read(&ingest->reports) && ingest->call_count < CALLS_MAX && ring_next(ingest->reports.ring, &record)) {
        take(ingest, &record);
        if (clock_mono_us() >= end_us)
            return true;
    }
    return false;
}

void reports_turn(struct ingest *ingest)
{
    struct intake *intake = &ingest->reports;
    bool more;

    if (intake->in_turn || !intake_may_read(intake))
        return;
    intake->in_turn = true;
    more = ring_read(ingest);
    calls_advance(ingest);
    if (more || !ring_wake_at(intake->ring, ingest->call_count < CALLS_MAX ? 1 : RING_WAKE_NEVER))
        intake_go_on(intake);
    intake->in_turn = false;
    heartbeats_go_on_after_reports(ingest);
}

void reports_rewound(struct ingest *ingest)
{
    ingest->call_gap = false;
}
