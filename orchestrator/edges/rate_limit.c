/* See rate_limit.h. A key may stand in one of WAYS places of its set, so that each look takes one lock and one cache line or three. */
#include "orchestrator/edges/rate_limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/hash.h"

#define WAYS 8
#define LOCKS 64
#define SECOND_US 1000000

/* --- one bucket --- */

static int64_t interval_us(const struct rate *rate)
{
    return rate->per_s < SECOND_US ? SECOND_US / rate->per_s : 1;
}

bool rate_take(int64_t *used_until_us, const struct rate *rate, int64_t now_us, int64_t *ret_wait_us)
{
    *ret_wait_us = 0;
    if (rate->per_s == 0)
        return true;
    int64_t one_us = interval_us(rate), burst = rate->burst > 1 ? rate->burst : 1;
    int64_t used_us = *used_until_us > now_us ? *used_until_us - now_us : 0;
    int64_t over_us = used_us + one_us - burst * one_us;
    if (over_us > 0) {
        *ret_wait_us = over_us;
        return false;
    }
    *used_until_us = now_us + used_us + one_us;
    return true;
}

void rate_give_back(int64_t *used_until_us, const struct rate *rate)
{
    if (rate->per_s != 0)
        *used_until_us -= interval_us(rate);
}

/* --- many --- */

struct client {
    uint64_t key;            /* 0: a free place */
    int64_t used_until_us;
    unsigned connections;
};

struct rate_table {
    uint64_t seed;
    size_t sets;
    pthread_mutex_t locks[LOCKS];
    struct client clients[];
};

struct rate_table *rate_table_new(size_t clients)
{
    size_t sets = clients / WAYS + (clients % WAYS != 0);
    struct rate_table *table = calloc(1, sizeof *table + sets * WAYS * sizeof table->clients[0]);
    if (table == NULL)
        return NULL;
    table->seed = clock_random();
    table->sets = sets;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&table->locks[i], NULL);
    return table;
}

void rate_table_free(struct rate_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&table->locks[i]);
    free(table);
}

uint64_t rate_table_key(const struct rate_table *table, unsigned kind, const void *name, size_t length)
{
    uint64_t key = hash_bytes(name, length, hash_mix(table->seed + kind));
    return key != 0 ? key : 1;
}

static struct client *set_lock(struct rate_table *table, uint64_t key)
{
    size_t set = (size_t)(key % table->sets);
    pthread_mutex_lock(&table->locks[set % LOCKS]);
    return &table->clients[set * WAYS];
}

static void set_unlock(struct rate_table *table, uint64_t key)
{
    pthread_mutex_unlock(&table->locks[key % table->sets % LOCKS]);
}

static struct client *client_find(struct client *set, uint64_t key)
{
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* His place, or that of the least busy who has no connection open. NULL: all have. */
static struct client *client_place(struct client *set, uint64_t key)
{
    struct client *found = client_find(set, key);
    if (found != NULL)
        return found;
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].connections == 0 && (found == NULL || set[i].used_until_us < found->used_until_us))
            found = &set[i];
    if (found != NULL)
        found->key = key;
    return found;
}

bool rate_table_take(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_us, int64_t *ret_wait_us)
{
    struct client *client = client_place(set_lock(table, key), key);
    *ret_wait_us = 0;
    bool may = client == NULL || rate_take(&client->used_until_us, rate, now_us, ret_wait_us);
    set_unlock(table, key);
    return may;
}

void rate_table_give_back(struct rate_table *table, uint64_t key, const struct rate *rate)
{
    struct client *client = client_find(set_lock(table, key), key);
    if (client != NULL)
        rate_give_back(&client->used_until_us, rate);
    set_unlock(table, key);
}

bool rate_table_connect(struct rate_table *table, uint64_t key, unsigned most, bool *ret_counted)
{
    struct client *client = client_place(set_lock(table, key), key);
    bool may = client == NULL || most == 0 || client->connections < most;
    *ret_counted = may && client != NULL;
    if (*ret_counted)
        client->connections++;
    set_unlock(table, key);
    return may;
}

void rate_table_disconnect(struct rate_table *table, uint64_t key)
{
    struct client *client = client_find(set_lock(table, key), key);
    if (client != NULL && client->connections > 0)
        client->connections--;
    set_unlock(table, key);
}
