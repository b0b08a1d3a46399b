/* From the ring into batches. One batch on its way at a time while it is quiet: what comes meanwhile gathers for the next.
 * Only full batches follow without waiting, up to BATCHES_MAX. So the batch grows with the load, and with Redis' slowness. */
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "orchestrator/edges/ingest_parts.h"

/* --- gathering --- */

static void gather_reset(struct gather *gather)
{
    gather->count = 0;
    gather->read = 0;
    gather->end = 0;
    if (++gather->stamp == 0) { /* once in four billion batches */
        memset(gather->slot_stamps, 0, sizeof gather->slot_stamps);
        gather->stamp = 1;
    }
}

/* The slot of this device: filled (its stamp is the gather's) or free. */
static unsigned gather_slot(const struct gather *gather, const char *device_id)
{
    unsigned slot = (unsigned)hash_text(device_id, 0) & (GATHER_SLOTS - 1);

    while (gather->slot_stamps[slot] == gather->stamp && strcmp(gather->beats[gather->slots[slot]].heartbeat.device_id, device_id) != 0)
        slot = (slot + 1) & (GATHER_SLOTS - 1);
    return slot;
}

/* Nothing but time, seq, uptime, signal and battery differs: the newer one says it all. */
static bool same_but_measures(const struct heartbeat *left, const struct heartbeat *right)
{
    return left->slot == right->slot && left->kind == right->kind && strcmp(left->version, right->version) == 0 &&
           strcmp(left->status, right->status) == 0 && strcmp(left->boot_id, right->boot_id) == 0 &&
           strcmp(left->model, right->model) == 0 && strcmp(left->hw_rev, right->hw_rev) == 0 &&
           strcmp(left->network, right->network) == 0 && strcmp(left->priority, right->priority) == 0 &&
           strcmp(left->tags, right->tags) == 0;
}

/* Takes beats[count], which was just read, into the batch. False: it must wait for the next batch, because this one holds
 * another heartbeat of the device that says something else. */
static bool gather_take(struct ingest *ingest)
{
    struct gather *gather = &ingest->gather;
    const struct beat *fresh = &gather->beats[gather->count];
    unsigned slot = gather_slot(gather, fresh->heartbeat.device_id);
    struct beat *known;

    if (gather->slot_stamps[slot] != gather->stamp) {
        gather->slot_stamps[slot] = gather->stamp;
        gather->slots[slot] = (uint16_t)gather->count++;
        return true;
    }
    known = &gather->beats[gather->slots[slot]];
    if (!same_but_measures(&known->heartbeat, &fresh->heartbeat))
        return false;
    if (late_is_newer(&fresh->heartbeat, &known->heartbeat))
        *known = *fresh;
    ingest->counters.merged++;
    return true;
}

/* --- reading --- */

static bool record_read(struct ingest *ingest, const struct ring_record *record, struct heartbeat *ret_heartbeat)
{
    enum ingest_message message = INGEST_HEARTBEAT;
    struct problem problem;
    struct topic topic;
    enum drover_error error = topic_read(record->topic, record->topic_length, &topic, &problem);

    if (!error && topic.kind != TOPIC_HEARTBEAT) {
        message = INGEST_OTHER;
        error = problem_set(&problem, DROVER_UNKNOWN, "topic", "is not one of a heartbeat");
    }
    if (!error && record->oversized)
        error = problem_set(&problem, DROVER_TOO_LONG, "payload", "over %d bytes", MESSAGE_SIZE);
    if (!error)
        error = heartbeat_read(topic.device_id, record->payload, record->payload_length, ret_heartbeat, &problem);
    if (error)
        ingest_refuse(ingest, message, record, &problem);
    else if (strcmp(ret_heartbeat->priority, PRIORITY_USUAL) == 0)
        ret_heartbeat->priority[0] = '\0';   /* nearly all devices are: not one word of it each in Redis */
    return !error;
}

/* --- sending --- */

static void batches_advance(struct ingest *ingest)
{
    while (ingest->batch_count > 0 && ingest->batches[ingest->batch_first].done) {
        struct batch *batch = &ingest->batches[ingest->batch_first];

        ingest->batch_gap = ingest->batch_gap || batch->failed;
        if (!ingest->batch_gap) {
            late_drop(ingest->late, batch->late);
            ring_commit(ingest->heartbeats.ring, batch->end);
            ingest->heartbeats.failures = 0;
        }
        ingest->batch_first = (ingest->batch_first + 1) % BATCHES_MAX;
        ingest->batch_count--;
    }
}

static void batch_answered(void *arg, enum drover_error error, const char *why)
{
    struct batch *batch = arg;
    struct ingest *ingest = batch->ingest;

    batch->done = true;
    batch->failed = ingest_is_retried(error);
    if (!batch->failed)
        ingest->counters.recorded += batch->heartbeats;
    intake_answered(&ingest->heartbeats, INGEST_HEARTBEAT, error, why);
    batches_advance(ingest);
    intake_settle(&ingest->heartbeats, ingest->batch_count);
}

static void count_size(struct ingest_counters *counters, size_t size)
{
    unsigned bucket = 0;

    while (bucket < INGEST_SIZE_BUCKETS - 1 && size > (size_t)1 << bucket)
        bucket++;
    counters->batches++;
    counters->batch_heartbeats += size;
    counters->batch_sizes[bucket]++;
}

static void batch_send(struct ingest *ingest, size_t late)
{
    struct gather *gather = &ingest->gather;
    struct batch *batch = &ingest->batches[(ingest->batch_first + ingest->batch_count++) % BATCHES_MAX];

    *batch = (struct batch){.ingest = ingest, .end = gather->end, .heartbeats = gather->read, .late = late};
    count_size(&ingest->counters, gather->count);
    ingest->paced_mono_ms = clock_mono_ms();
    flow_heartbeats(ingest->config.flow, gather->beats, gather->count, batch_answered, batch);
    gather_reset(gather);
}

/* What was gathered holds refused messages only: they are done with, once everything before them is. */
static void refused_done(struct ingest *ingest)
{
    struct gather *gather = &ingest->gather;

    if (gather->count > 0 || gather->end == 0)
        return;
    if (ingest->batch_count > 0)
        ingest->batches[(ingest->batch_first + ingest->batch_count - 1) % BATCHES_MAX].end = gather->end;
    else
        ring_commit(ingest->heartbeats.ring, gather->end);
    gather_reset(gather);
}

/* --- a turn while Redis answers --- */

/* The table's heartbeats are older than the ring's: nothing else until they are through, one batch at a time. */
static void late_send(struct ingest *ingest)
{
    struct gather *gather = &ingest->gather;

    if (ingest->batch_count > 0)
        return;
    gather->count = late_peek(ingest->late, gather->beats, STORE_BATCH_MAX);
    gather->read = gather->count;
    batch_send(ingest, gather->count);
}

static bool may_read_on(const struct ingest *ingest)
{
    return intake_may_read(&ingest->heartbeats) && ingest->batch_count < BATCHES_MAX;
}

/* A report that came earlier waits for its place among the CALLS_MAX: its device's heartbeat must not overtake it, nor may this one begin an upgrade
 * while those under way stand. Not for ever: what a flood of reports holds up longer than YIELD_MS is read beside them, so that no device is taken for silent. */
static bool reports_are_older(const struct ingest *ingest, const struct ring_record *record)
{
    int64_t arrived_ms = intake_may_read(&ingest->reports) ? ring_next_arrived_ms(ingest->reports.ring) : 0;

    return arrived_ms != 0 && arrived_ms < record->arrived_ms && clock_unix_ms() - record->arrived_ms < YIELD_MS;
}

/* Reads until the ring is empty, or no further batch may go, or reports go first (false), or the turn is over (true: come back at once). */
static bool ring_read(struct ingest *ingest)
{
    struct gather *gather = &ingest->gather;
    int64_t end_us = clock_mono_us() + TURN_US;
    struct ring_record record;

    for (unsigned records = 1; may_read_on(ingest) && ring_next(ingest->heartbeats.ring, &record); records++) {
        struct beat *beat = &gather->beats[gather->count];
        bool good;

        ingest->heartbeats.yields = reports_are_older(ingest, &record);
        if (ingest->heartbeats.yields) {
            ring_unread(ingest->heartbeats.ring);
            break;
        }
        good = record_read(ingest, &record, &beat->heartbeat);
        beat->at_ms = record.arrived_ms;
        if (good && !gather_take(ingest)) {
            ring_unread(ingest->heartbeats.ring);
            batch_send(ingest, 0);
            continue;
        }
        ingest->counters.received[INGEST_HEARTBEAT]++;
        gather->read += good;
        gather->end = record.end;
        if (gather->count == STORE_BATCH_MAX)
            batch_send(ingest, 0);
        if (records == TURN_RECORDS || (records % 64 == 0 && clock_mono_us() >= end_us))
            return true;
    }
    return false;
}

/* The rest that is no full batch: at once when nothing is on its way and the last one went some time ago. */
static void rest_send(struct ingest *ingest)
{
    int64_t wait_ms = ingest->paced_mono_ms + PACE_MS - clock_mono_ms();

    refused_done(ingest);
    if (ingest->gather.count == 0 || ingest->batch_count > 0)
        return;
    if (wait_ms > 0)
        intake_go_on_in(&ingest->heartbeats, wait_ms);
    else
        batch_send(ingest, 0);
}

static size_t wake_wanted(const struct ingest *ingest)
{
    if (ingest->batch_count >= BATCHES_MAX || late_count(ingest->late) > 0 || ingest->heartbeats.yields)
        return RING_WAKE_NEVER; /* an answer comes first, or a turn of the reports */
    return ingest->gather.count > 0 || ingest->batch_count > 0 ? GATHER_BYTES : 1;
}

static void turn_work(struct ingest *ingest)
{
    bool more = false;

    if (late_count(ingest->late) > 0)
        late_send(ingest);
    else if ((more = ring_read(ingest)) == false)
        rest_send(ingest);
    if (more || !ring_wake_at(ingest->heartbeats.ring, wake_wanted(ingest)))
        intake_go_on(&ingest->heartbeats);
}

/* --- a turn while it does not --- */

static void late_keep(struct ingest *ingest, const struct ring_record *record)
{
    struct heartbeat *heartbeat = &ingest->gather.beats[0].heartbeat;

    ingest->counters.received[INGEST_HEARTBEAT]++;
    if (!record_read(ingest, record, heartbeat))
        return;
    switch (late_put(ingest->late, heartbeat, record->arrived_ms)) {
    case LATE_ADDED:
        break;
    case LATE_REPLACED:
        ingest->counters.coalesced++;
        break;
    case LATE_OLDEST_DROPPED:
    case LATE_NO_MEMORY:
        ingest->counters.late_dropped++;
        break;
    }
}

/* Over three quarters full: down to half. Nothing is outstanding now, and the ring is rewound. */
static void turn_waiting(struct ingest *ingest)
{
    struct ring *ring = ingest->heartbeats.ring;
    struct ring_state state = ring_state(ring);
    struct ring_record record = {.end = 0};
    unsigned records = 0;

    if (state.used_bytes > state.size_bytes / 4 * 3)
        while (ring_state(ring).unread_bytes > state.size_bytes / 2 && records++ < TURN_RECORDS && ring_next(ring, &record))
            late_keep(ingest, &record);
    ring_commit(ring, record.end);
    state = ring_state(ring);
    if (records > TURN_RECORDS || !ring_wake_at(ring, state.size_bytes / 4 * 3 + 1))
        intake_go_on(&ingest->heartbeats);
}

void heartbeats_turn(struct ingest *ingest)
{
    struct intake *intake = &ingest->heartbeats;

    if (intake->in_turn)
        return;
    intake->in_turn = true;
    if (intake_may_read(intake))
        turn_work(ingest);
    else if (intake->waits && !ingest->ended)
        turn_waiting(ingest);
    intake->in_turn = false;
}

void heartbeats_go_on_after_reports(struct ingest *ingest)
{
    if (!ingest->heartbeats.yields)
        return;
    ingest->heartbeats.yields = false;
    intake_go_on(&ingest->heartbeats);
}

void heartbeats_rewound(struct ingest *ingest)
{
    gather_reset(&ingest->gather);
    ingest->batch_gap = false;
}
