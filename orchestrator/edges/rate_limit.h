/* How often somebody may ask: a token bucket, and a table of many clients' buckets in memory that does not grow.
 *
 * The bucket is the Generic Cell Rate Algorithm (ITU-T I.371, A.1): one number, the time until which the client has used up what it may, instead
 * of tokens and a moment. The table is that of Space-Saving (Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in
 * Data Streams", ICDT 2005): where no place is left, the newcomer takes the one of whoever has used least, and what he had used with it. So nobody
 * gets more than he may by sending from millions of addresses; a newcomer may get less, for as long as the place of the least busy client is busy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* per_s 0: no limit. burst: as many at once, 1 at the least. */
struct rate {
    int64_t per_s, burst;
};

/* Pure: may one more be taken now? used_until_us is the bucket, 0 when fresh. False: it may *ret_wait_us later. */
bool rate_take(int64_t *used_until_us, const struct rate *rate, int64_t now_us, int64_t *ret_wait_us);
/* One that was taken is not counted after all. */
void rate_give_back(int64_t *used_until_us, const struct rate *rate);

struct rate_table;   /* locks itself */
/* clients: about as many are held at a time, 24 bytes each. NULL: out of memory. */
struct rate_table *rate_table_new(size_t clients);
void rate_table_free(struct rate_table *table);
/* The key of a client: of its address, its device id. kind keeps different sorts apart. Nobody outside knows which keys are near each other. */
uint64_t rate_table_key(const struct rate_table *table, unsigned kind, const void *name, size_t length);

/* May the client ask once more? False: *ret_wait_us later. */
bool rate_table_take(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_us, int64_t *ret_wait_us);
void rate_table_give_back(struct rate_table *table, uint64_t key, const struct rate *rate);
/* One connection more of the client. False: it has `most` (0: no limit), and this one is not counted. Who is connected keeps his place. Where all
 * places are such, the connection is let in and not counted; *ret_counted says what is to be taken back. */
bool rate_table_connect(struct rate_table *table, uint64_t key, unsigned most, bool *ret_counted);
void rate_table_disconnect(struct rate_table *table, uint64_t key);
