/* Batches of heartbeats: short forms for what Redis knows already, long forms for the rest and for what Redis asks for. */
#include <string.h>

#include "common/hash.h"
#include "common/text.h"
#include "orchestrator/edges/store_call.h"

#define CLASH_MAX 3                  /* stale beats of an older boot that make a clash */
#define CLASH_ALARM_MS 3600000       /* between two alarms about one device */

enum { BEAT_LONG = 1, BEAT_WANT = 2, BEAT_BOOTLESS = 4, BEAT_UNWELL = 8 };   /* heartbeat_record.lua, ARGV[1] */

struct loaded {
    struct loaded *next;
    struct device device;
    struct upgrade upgrade;
};

/* One call of record: its beats, and the part of them that is on its way to Redis now. */
struct batch {
    struct store *store;
    store_recorded *done;
    void *arg;
    size_t count;
    struct loaded *loaded;
    size_t sent_count;
    uint16_t sent[STORE_BATCH_MAX];          /* index in beats of each one sent */
    char flags[STORE_BATCH_MAX + 1];
    int64_t facts[STORE_BATCH_MAX];
    struct recorded_beat results[STORE_BATCH_MAX];
    struct beat beats[];
};

static void batch_send(struct batch *batch);
static void batch_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* --- 1 fingerprints and forms --- */

/* Everything a heartbeat says but time, seq and uptime; signal and charge rounded, so that they seldom change it. */
static int64_t facts_of(const struct heartbeat *heartbeat)
{
    const char *texts[] = {heartbeat->model, heartbeat->version, heartbeat->hw_rev, heartbeat->status, heartbeat->boot_id,
                           heartbeat->network, heartbeat->priority, heartbeat->tags, heartbeat->tz};
    char bytes[680];
    size_t length = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = strlen(texts[i]) + 1;
        memcpy(bytes + length, texts[i], size);
        length += size;
    }
    int64_t rest[] = {heartbeat->slot, (int64_t)heartbeat->kind,
                      heartbeat->rssi_dbm == ABSENT ? ABSENT : heartbeat->rssi_dbm / 10,
                      heartbeat->battery_pct == ABSENT ? ABSENT : heartbeat->battery_pct / 5};
    memcpy(bytes + length, rest, sizeof rest);
    /* 32 bits: they are compared with the same device's last ones only, and cost every device in Redis 4 bytes less than 64 */
    int64_t facts = (int32_t)hash_bytes(bytes, length + sizeof rest, 0);
    return facts ? facts : 1;   /* 0 means "ask for the long form" */
}
_Static_assert(ID_SIZE + VERSION_SIZE + 4 * WORD_SIZE + BOOT_ID_SIZE + TAGS_SIZE + TIME_ZONE_SIZE + 4 * sizeof(int64_t) <= 680, "facts fit");

void store_heartbeats_record(void *store_, const struct beat *beats, size_t count, store_recorded *done, void *arg)
{
    struct store *store = store_;
    if (count > STORE_BATCH_MAX)
        abort();   /* ports.h forbids it */
    struct batch *batch = must_alloc(sizeof *batch + count * sizeof *beats);   /* 150 KiB: not zeroed */
    batch->store = store;
    batch->done = done;
    batch->arg = arg;
    batch->loaded = NULL;
    batch->count = batch->sent_count = count;
    memcpy(batch->beats, beats, count * sizeof *beats);
    for (size_t i = 0; i < count; i++) {
        const struct heartbeat *heartbeat = &beats[i].heartbeat;
        batch->facts[i] = facts_of(heartbeat);
        bool known = facts_cache_swap(store->facts, heartbeat->device_id, batch->facts[i]) == batch->facts[i];
        batch->flags[i] = (char)('0' + (known ? 0 : BEAT_LONG) + (beats[i].want ? BEAT_WANT : 0) + (heartbeat->boot_id[0] ? 0 : BEAT_BOOTLESS) +
                                 (heartbeat_health(heartbeat->status) == HEALTH_BAD ? BEAT_UNWELL : 0));
        batch->sent[i] = (uint16_t)i;
        batch->results[i] = (struct recorded_beat){.outcome = RECORDED_SAME};
    }
    batch_send(batch);
}

/* --- 2 to Redis --- */

static void add_number(struct redis_args *args, int64_t value)
{
    if (value == ABSENT)
        redis_args_add(args, "", 0);
    else
        redis_args_add_i64(args, value);
}

/* In the order of `fields` in heartbeat_record.lua. */
static void add_long_form(struct redis_args *args, const struct beat *beat)
{
    const struct heartbeat *heartbeat = &beat->heartbeat;
    redis_args_add_text(args, heartbeat->model);
    redis_args_add_text(args, heartbeat->version);
    redis_args_add_text(args, heartbeat->hw_rev);
    redis_args_add_text(args, heartbeat->status);
    redis_args_add(args, &heartbeat->slot, heartbeat->slot ? 1 : 0);
    redis_args_add_text(args, heartbeat->boot_id);
    redis_args_add_text(args, heartbeat->network);
    add_number(args, heartbeat->rssi_dbm);
    add_number(args, heartbeat->battery_pct);
    redis_args_add_text(args, heartbeat->priority);
    redis_args_add_text(args, heartbeat->tags);
    redis_args_add_text(args, heartbeat->tz);
    redis_args_add_text(args, device_kind_name(heartbeat->kind));
    add_number(args, heartbeat->uptime_s == ABSENT ? ABSENT : beat->at_ms - heartbeat->uptime_s * 1000);
}

static void batch_send(struct batch *batch)
{
    struct store *store = batch->store;
    struct redis_args *args = store_script_begin(store, SCRIPT_HEARTBEAT_RECORD);
    redis_args_add(args, batch->flags, batch->sent_count);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, store->events_keep);
    redis_args_add_i64(args, CLASH_MAX);
    redis_args_add_i64(args, CLASH_ALARM_MS);
    for (size_t i = 0; i < batch->sent_count; i++) {
        redis_args_add_i64(args, batch->beats[batch->sent[i]].at_ms);
        redis_args_add_text(args, batch->beats[batch->sent[i]].heartbeat.device_id);
    }
    for (size_t i = 0; i < batch->sent_count; i++) {
        redis_args_add_i64(args, batch->facts[batch->sent[i]]);
        add_number(args, batch->beats[batch->sent[i]].heartbeat.seq);
    }
    for (size_t i = 0; i < batch->sent_count; i++) {
        bool is_long = (batch->flags[i] - '0') & BEAT_LONG;
        store->counters.beats_long += is_long;
        store->counters.beats_short += !is_long;
        if (is_long)
            add_long_form(args, &batch->beats[batch->sent[i]]);
    }
    store_script_send(store, SCRIPT_HEARTBEAT_RECORD, batch_replied, batch);
}

/* --- 3 its answer --- */

static void batch_end(struct batch *batch, enum drover_error error)
{
    batch->done(batch->arg, error, error ? NULL : batch->results, error ? 0 : batch->count);
    for (struct loaded *next, *loaded = batch->loaded; loaded; loaded = next) {
        next = loaded->next;
        free(loaded);
    }
    free(batch);
}

static bool take_loaded(struct batch *batch, size_t at, const struct redisReply *device_fields, const struct redisReply *upgrade_fields)
{
    const struct beat *beat = &batch->beats[at];
    struct device_row row;
    struct loaded *loaded = must_calloc(1, sizeof *loaded);
    loaded->next = batch->loaded;
    batch->loaded = loaded;
    if (!store_record_ok(batch->store, device_row_read(device_fields, beat->heartbeat.device_id, beat->at_ms, &row)) ||
        !store_record_ok(batch->store, upgrade_read(upgrade_fields, beat->heartbeat.device_id, &loaded->upgrade)))
        return false;
    loaded->device = row.device;
    batch->results[at] = (struct recorded_beat){RECORDED_LOADED, &loaded->device, &loaded->upgrade};
    batch->store->counters.beats_loaded++;
    return true;
}

/* Fills in the results; returns how many long forms Redis asks for, their indices then lead `sent`. */
static size_t take_answer(struct batch *batch, const struct redisReply *reply, bool *ret_ok)
{
    struct store_counters *counters = &batch->store->counters;
    size_t asked = 0, next = 1;
    *ret_ok = reply->type == REDIS_REPLY_ARRAY && reply->elements >= 1 && reply->element[0]->type == REDIS_REPLY_STRING &&
              (size_t)reply->element[0]->len == batch->sent_count;
    for (size_t i = 0; *ret_ok && i < batch->sent_count; i++) {
        size_t at = batch->sent[i];
        switch (reply->element[0]->str[i]) {
        case '0': batch->results[at].outcome = RECORDED_SAME; counters->beats_same++; break;
        case 'S': batch->results[at].outcome = RECORDED_STALE; counters->beats_stale++; break;
        case 'C': batch->results[at].outcome = RECORDED_CLASH; counters->beats_clash++; break;
        case 'L':
            *ret_ok = next + 2 <= reply->elements && take_loaded(batch, at, reply->element[next], reply->element[next + 1]);
            next += 2;
            break;
        case 'F':
            batch->flags[asked] = (char)(batch->flags[i] + BEAT_LONG);
            batch->sent[asked++] = (uint16_t)at;
            counters->beats_asked++;
            break;
        default: *ret_ok = false;
        }
    }
    return asked;
}

static void batch_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)text;
    struct batch *batch = arg;
    bool ok = false;
    size_t asked = error ? 0 : take_answer(batch, reply, &ok);
    if (error || !ok) {
        batch_end(batch, error ? error : DROVER_STORE);
    } else if (asked) {
        batch->sent_count = asked;
        batch_send(batch);
    } else {
        batch_end(batch, DROVER_OK);
    }
}
