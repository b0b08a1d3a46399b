/* Who downloads: a place for each device, as many as the depot can carry at a time. Locks itself; every HTTP thread uses it.
 *
 * A device has one place however many ranges it fetches at a time, and keeps it for a moment between two of them, so that a download that
 * has begun is not thrown out by one that has not. Who does not say which device he is has a place for each reply. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define DEPOT_LINGER_MS 3000   /* a place waits this long for the device's next range */

struct depot_places;
/* places: as many devices at a time; per_device: replies at a time of one of them. NULL: out of memory. */
struct depot_places *depot_places_new(unsigned places, unsigned per_device);
void depot_places_free(struct depot_places *places);

/* A place for one more reply; device "" : nobody knows whose. DROVER_OK: *ret_place, until depot_places_leave. DROVER_FULL: none is free;
 * DROVER_REFUSED: this device has as many replies as it may. Then come again in *ret_retry_s. */
MUST_USE enum drover_error depot_places_take(struct depot_places *places, const char *device, int64_t now_us, uint64_t random, unsigned *ret_place,
                                             int *ret_retry_s);
/* The reply is over. last: it went to the package's end; the device needs no further range. */
void depot_places_leave(struct depot_places *places, unsigned place, bool last, int64_t now_us);

/* For whoever would only be refused: an appointment, in seconds. */
int depot_places_later(struct depot_places *places, int64_t now_us, uint64_t random);

struct depot_places_state {
    unsigned places, used, replies;   /* used: with those that wait for a next range */
    int64_t ahead_ms;                 /* how far ahead newcomers are sent away; 0: nobody is */
    uint64_t refused, refused_device; /* so far */
};
struct depot_places_state depot_places_state(struct depot_places *places, int64_t now_us);
