/* The story's store: devices, rollouts and events, by their names. What is done with them is in memory_record.c, memory_save.c, memory_take.c and memory_queue.c; what waits in
 * between in memory_calls.c. */
#include "tests/flow/memory_inside.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/core/schedule.h"

void memory_store_init(struct memory_store *store, store_tells *tell, void *arg)
{
    *store = (struct memory_store){.tell = tell, .tell_arg = arg};
    memory_store_size(store, DEVICES_MAX);
}

void memory_store_size(struct memory_store *store, size_t devices)
{
    free(store->devices);
    free(store->places);
    for (store->place_mask = 1; store->place_mask < 2 * devices;)
        store->place_mask *= 2;
    store->devices = calloc(devices, sizeof *store->devices);
    store->places = calloc(store->place_mask, sizeof *store->places);
    store->place_mask--;
    store->device_max = devices;
    if (!store->devices || !store->places)
        abort();
}

void memory_tell(struct memory_store *store, const struct memory_link *by, const char *format, ...)
{
    char line[400], full[420];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (by->named)
        snprintf(full, sizeof full, "store   > %s (%c)", line, by->name);
    else
        snprintf(full, sizeof full, "store   > %s", line);
    store->tell(store->tell_arg, full);
}

/* The device's place in the table, or the free one that it would take. */
static uint32_t *place_of(const struct memory_store *store, const char *device_id)
{
    size_t at = hash_text(device_id, 0) & store->place_mask;
    while (store->places[at] && strcmp(store->devices[store->places[at] - 1].device.last.device_id, device_id))
        at = (at + 1) & store->place_mask;
    return &store->places[at];
}

struct memory_device *memory_store_device(struct memory_store *store, const char *device_id)
{
    uint32_t place = *place_of(store, device_id);
    return place ? &store->devices[place - 1] : NULL;
}

struct memory_device *memory_device_add(struct memory_store *store, const char *device_id)
{
    if (store->device_count == store->device_max)
        abort();
    uint32_t *place = place_of(store, device_id);
    *place = (uint32_t)++store->device_count;
    return &store->devices[*place - 1];
}

struct rollout *memory_store_rollout(struct memory_store *store, const char *rollout_id)
{
    for (size_t i = 0; i < store->rollout_count; i++)
        if (!strcmp(store->rollouts[i].id, rollout_id))
            return &store->rollouts[i];
    return NULL;
}

/* Its number stands behind the dash. */
struct memory_event *memory_store_event(struct memory_store *store, const char *event_id)
{
    const char *dash = strchr(event_id, '-');
    size_t number = dash ? strtoul(dash + 1, NULL, 10) : 0;
    bool there = number >= 1 && number <= store->event_count && !strcmp(store->events[number - 1].event.id, event_id);
    return there ? &store->events[number - 1] : NULL;
}
