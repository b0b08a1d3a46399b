/* A hash table for finding a device, and a list through the same entries for their order. */
#include "orchestrator/edges/ingest_late.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/hash.h"

struct entry {
    TAILQ_ENTRY(entry) order;
    struct entry *next;        /* in its bucket */
    int64_t arrived_ms;
    struct heartbeat heartbeat;
};

struct late {
    size_t max;                /* entries */
    size_t count;
    size_t bucket_count;       /* a power of two */
    struct entry **buckets;    /* NULL until something is put */
    TAILQ_HEAD(entries, entry) entries;
};

struct late *late_new(size_t max_bytes)
{
    struct late *late = calloc(1, sizeof *late);

    if (!late)
        return NULL;
    late->max = max_bytes / (sizeof(struct entry) + sizeof(struct entry *));
    if (late->max == 0)
        late->max = 1;
    late->bucket_count = 1;
    while (late->bucket_count < late->max)
        late->bucket_count <<= 1;
    TAILQ_INIT(&late->entries);
    return late;
}

void late_free(struct late *late)
{
    if (!late)
        return;
    late_drop(late, late->count);
    free(late->buckets);
    free(late);
}

bool late_is_newer(const struct heartbeat *newer, const struct heartbeat *older)
{
    if (newer->seq == ABSENT || older->seq == ABSENT || strcmp(newer->boot_id, older->boot_id) != 0)
        return true;
    return newer->seq > older->seq;
}

/* Where the pointer to the device's entry is, or would be. */
static struct entry **find(struct late *late, const char *device_id)
{
    struct entry **link = &late->buckets[hash_text(device_id, 0) & (late->bucket_count - 1)];

    while (*link && strcmp((*link)->heartbeat.device_id, device_id) != 0)
        link = &(*link)->next;
    return link;
}

static void take_out(struct late *late, struct entry *entry)
{
    *find(late, entry->heartbeat.device_id) = entry->next;
    TAILQ_REMOVE(&late->entries, entry, order);
    late->count--;
    free(entry);
}

static void replace(struct late *late, struct entry *entry, const struct heartbeat *heartbeat, int64_t arrived_ms)
{
    if (!late_is_newer(heartbeat, &entry->heartbeat))
        return;
    entry->heartbeat = *heartbeat;
    entry->arrived_ms = arrived_ms;
    TAILQ_REMOVE(&late->entries, entry, order);
    TAILQ_INSERT_TAIL(&late->entries, entry, order);
}

enum late_put late_put(struct late *late, const struct heartbeat *heartbeat, int64_t arrived_ms)
{
    bool full = late->count >= late->max;
    struct entry **link, *entry;

    if (!late->buckets && !(late->buckets = calloc(late->bucket_count, sizeof *late->buckets)))
        return LATE_NO_MEMORY;
    link = find(late, heartbeat->device_id);
    if (*link) {
        replace(late, *link, heartbeat, arrived_ms);
        return LATE_REPLACED;
    }
    entry = malloc(sizeof *entry);
    if (!entry)
        return LATE_NO_MEMORY;
    *entry = (struct entry){.arrived_ms = arrived_ms, .heartbeat = *heartbeat};
    *link = entry;
    TAILQ_INSERT_TAIL(&late->entries, entry, order);
    late->count++;
    if (full)
        take_out(late, TAILQ_FIRST(&late->entries));
    return full ? LATE_OLDEST_DROPPED : LATE_ADDED;
}

size_t late_count(const struct late *late)
{
    return late->count;
}

int64_t late_oldest_ms(const struct late *late)
{
    return late->count > 0 ? TAILQ_FIRST(&late->entries)->arrived_ms : 0;
}

size_t late_peek(const struct late *late, struct beat *ret_beats, size_t max)
{
    const struct entry *entry;
    size_t count = 0;

    TAILQ_FOREACH(entry, &late->entries, order) {
        if (count == max)
            break;
        ret_beats[count++] = (struct beat){.heartbeat = entry->heartbeat, .at_ms = entry->arrived_ms};
    }
    return count;
}

void late_drop(struct late *late, size_t count)
{
    for (; count > 0 && late->count > 0; count--)
        take_out(late, TAILQ_FIRST(&late->entries));
}
