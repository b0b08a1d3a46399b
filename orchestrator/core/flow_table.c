/* Which devices have work: a table by device id, in which only the piece being worked on stands, with the same device's others queued behind it. A piece comes in by
 * work_start, and goes out when it has ended by work_leave; it is run by flow_work.c. */
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/flow_work.h"

static size_t table_size(size_t work_max)
{
    size_t size = 64;
    while (size < work_max && size < ((size_t)1 << 20))
        size *= 2;
    return size;
}

bool table_begin(struct flow *flow)
{
    flow->table_mask = table_size(flow->config.work_max) - 1;
    flow->table = calloc(flow->table_mask + 1, sizeof *flow->table);
    return flow->table != NULL;
}

static void free_queue(struct work *work)
{
    while (work) {
        struct work *behind = work->behind;
        free(work);
        work = behind;
    }
}

void table_free(struct flow *flow)
{
    for (size_t i = 0; i <= flow->table_mask; i++) {
        for (struct work *work = flow->table[i], *next; work; work = next) {
            next = work->chain;
            free_queue(work);
        }
    }
    free(flow->table);
}

static struct work **bucket_of(const struct flow *flow, const char *device_id)
{
    return &flow->table[hash_text(device_id, 0) & flow->table_mask];
}

static struct work *head_of(const struct flow *flow, const char *device_id)
{
    struct work *work = *bucket_of(flow, device_id);
    while (work && strcmp(work->device_id, device_id))
        work = work->chain;
    return work;
}

static void table_add(struct work *work)
{
    struct work **bucket = bucket_of(work->flow, work->device_id);
    work->chain = *bucket;
    *bucket = work;
}

static void table_remove(struct work *work)
{
    struct work **at = bucket_of(work->flow, work->device_id);
    while (*at != work)
        at = &(*at)->chain;
    *at = work->chain;
}

bool work_heartbeat_waits(const struct flow *flow, const char *device_id)
{
    const struct work *head = head_of(flow, device_id);
    for (const struct work *work = head ? head->behind : NULL; work; work = work->behind)
        if (work->kind == WORK_HEARTBEAT)
            return true;
    return false;
}

struct work *work_new(struct flow *flow, enum work_kind kind, const char *device_id)
{
    if (flow->work_count >= flow->config.work_max)
        return NULL;
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        return NULL;
    work->flow = flow;
    work->kind = kind;
    text_copy(work->device_id, sizeof work->device_id, device_id);
    flow->work_count++;
    flow->counts.work[kind]++;
    return work;
}

void work_give(struct work *work, const struct device *device, const struct upgrade *upgrade)
{
    work->device = *device;
    work->upgrade = *upgrade;
    work->loaded = true;
}

void work_start(struct work *work)
{
    struct work *head = head_of(work->flow, work->device_id);
    if (!head) {
        table_add(work);
        work_run(work);
        return;
    }
    work->loaded = false; /* by its turn, what it was given is old */
    while (head->behind)
        head = head->behind;
    head->behind = work;
}

struct work *work_leave(struct work *work)
{
    struct work *behind = work->behind;
    table_remove(work);
    work->flow->work_count--;
    if (behind)
        table_add(behind);
    return behind;
}
