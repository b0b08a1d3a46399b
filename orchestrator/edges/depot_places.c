/* See depot_places.h. Places stand in an array; those taken are found by the device's key, those that linger stand in a line, the oldest first. */
#include "orchestrator/edges/depot_places.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "orchestrator/edges/waiting_line.h"

#define NOWHERE UINT32_MAX

struct place {
    uint64_t key;             /* of the device; 0: nobody's that could be found again */
    uint32_t next;            /* in its bucket, or the next free place */
    uint32_t newer, older;    /* while it lingers */
    unsigned replies;         /* 0: free, or lingering */
    bool lingers;
    bool had_last;            /* the package's last byte went to it */
    int64_t until_us;         /* while it lingers */
};

struct depot_places {
    pthread_mutex_t lock;
    uint64_t seed;
    unsigned count, per_device, used, replies;
    uint32_t free, oldest, newest;
    uint64_t refused, refused_device;
    struct waiting_line line;
    uint32_t *buckets;        /* count of them */
    struct place places[];
};

struct depot_places *depot_places_new(unsigned count, unsigned per_device)
{
    struct depot_places *places = calloc(1, sizeof *places + count * sizeof places->places[0]);
    if (places == NULL)
        return NULL;
    places->buckets = malloc(count * sizeof places->buckets[0]);
    if (places->buckets == NULL) {
        free(places);
        return NULL;
    }
    pthread_mutex_init(&places->lock, NULL);
    places->seed = clock_random();
    places->count = count;
    places->per_device = per_device;
    places->oldest = places->newest = NOWHERE;
    memset(places->buckets, 0xff, count * sizeof places->buckets[0]);
    for (uint32_t i = 0; i < count; i++)
        places->places[i].next = i + 1 < count ? i + 1 : NOWHERE;
    return places;
}

void depot_places_free(struct depot_places *places)
{
    if (places == NULL)
        return;
    pthread_mutex_destroy(&places->lock);
    free(places->buckets);
    free(places);
}

/* --- the line of those that linger --- */

static void linger_end(struct depot_places *places, struct place *place)
{
    *(place->older != NOWHERE ? &places->places[place->older].newer : &places->oldest) = place->newer;
    *(place->newer != NOWHERE ? &places->places[place->newer].older : &places->newest) = place->older;
    place->lingers = false;
}

static void linger_begin(struct depot_places *places, uint32_t index, int64_t now_us)
{
    struct place *place = &places->places[index];
    place->lingers = true;
    place->until_us = now_us + DEPOT_LINGER_MS * 1000;
    place->newer = NOWHERE;
    place->older = places->newest;
    *(places->newest != NOWHERE ? &places->places[places->newest].newer : &places->oldest) = index;
    places->newest = index;
}

/* --- taken and free --- */

static uint32_t *bucket_of(struct depot_places *places, uint64_t key)
{
    return &places->buckets[key % places->count];
}

static void place_release(struct depot_places *places, uint32_t index, int64_t now_us)
{
    struct place *place = &places->places[index];
    if (place->key != 0) {
        uint32_t *at = bucket_of(places, place->key);
        while (*at != index)
            at = &places->places[*at].next;
        *at = place->next;
    }
    *place = (struct place){.next = places->free};
    places->free = index;
    places->used--;
    waiting_line_freed(&places->line, now_us);
}

static void lingerers_release(struct depot_places *places, int64_t now_us)
{
    while (places->oldest != NOWHERE && places->places[places->oldest].until_us <= now_us) {
        uint32_t index = places->oldest;
        linger_end(places, &places->places[index]);
        place_release(places, index, now_us);
    }
}

static uint32_t place_find(struct depot_places *places, uint64_t key)
{
    uint32_t index = key != 0 ? *bucket_of(places, key) : NOWHERE;
    while (index != NOWHERE && places->places[index].key != key)
        index = places->places[index].next;
    return index;
}

static uint32_t place_make(struct depot_places *places, uint64_t key, int64_t now_us)
{
    uint32_t index = places->free;
    struct place *place = &places->places[index];
    places->free = place->next;
    place->key = key;
    if (key != 0) {
        place->next = *bucket_of(places, key);
        *bucket_of(places, key) = index;
    }
    waiting_line_served(&places->line, now_us);
    if (++places->used == places->count)
        waiting_line_filled(&places->line, now_us);
    return index;
}

static enum drover_error reply_add(struct depot_places *places, uint64_t key, int64_t now_us, unsigned *ret_place)
{
    uint32_t index = place_find(places, key);
    if (index == NOWHERE && places->used == places->count)
        return DROVER_FULL;
    if (index == NOWHERE)
        index = place_make(places, key, now_us);
    struct place *place = &places->places[index];
    if (place->replies >= places->per_device)
        return DROVER_REFUSED;
    if (place->lingers)
        linger_end(places, place);
    place->replies++;
    places->replies++;
    *ret_place = index;
    return DROVER_OK;
}

enum drover_error depot_places_take(struct depot_places *places, const char *device, int64_t now_us, uint64_t random, unsigned *ret_place,
                                    int *ret_retry_s)
{
    uint64_t key = device[0] != '\0' ? hash_text(device, places->seed) | 1 : 0;
    pthread_mutex_lock(&places->lock);
    lingerers_release(places, now_us);
    enum drover_error error = reply_add(places, key, now_us, ret_place);
    *ret_retry_s = error == DROVER_FULL ? waiting_line_book(&places->line, now_us, random) : 1 + (int)(random % 4);
    places->refused += error == DROVER_FULL;
    places->refused_device += error == DROVER_REFUSED;
    pthread_mutex_unlock(&places->lock);
    return error;
}

void depot_places_leave(struct depot_places *places, unsigned index, bool last, int64_t now_us)
{
    pthread_mutex_lock(&places->lock);
    struct place *place = &places->places[index];
    places->replies--;
    place->had_last |= last;
    if (--place->replies == 0) {
        if (place->had_last || place->key == 0)
            place_release(places, index, now_us);
        else
            linger_begin(places, index, now_us);
    }
    pthread_mutex_unlock(&places->lock);
}

int depot_places_later(struct depot_places *places, int64_t now_us, uint64_t random)
{
    pthread_mutex_lock(&places->lock);
    int seconds = waiting_line_book(&places->line, now_us, random);
    pthread_mutex_unlock(&places->lock);
    return seconds;
}

struct depot_places_state depot_places_state(struct depot_places *places, int64_t now_us)
{
    pthread_mutex_lock(&places->lock);
    lingerers_release(places, now_us);
    struct depot_places_state state = {places->count, places->used, places->replies, waiting_line_ahead_us(&places->line, now_us) / 1000,
                                       places->refused, places->refused_device};
    pthread_mutex_unlock(&places->lock);
    return state;
}
