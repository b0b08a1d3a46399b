/* The one thread that hashes packages, for devices that ask what of their bytes is right (POST /artifacts/<sha256>/resume).
 *
 * Hashing a package takes seconds, so neither the loop nor the HTTP threads do it: they queue the call here, and the answer goes home like one of the
 * loop. What was hashed is remembered for the last DEPOT_HASHED_MAX packages that were asked for, so each byte of a package is read once by and large,
 * however often devices ask. The thread runs at a low priority, has a short queue and stops at each call's deadline: asking costs the server at most
 * what is left of one core. */
#pragma once

#include <stdbool.h>

#include "common/error.h"

#define DEPOT_HASHED_MAX 32
#define DEPOT_HASHER_CALLS 64    /* that wait */

struct depot;
struct depot_hasher;
struct http_call;
struct http_metrics;

/* Both outlive it. Nothing runs before depot_hasher_run. */
MUST_USE enum drover_error depot_hasher_new(const struct depot *depot, struct http_metrics *metrics, struct depot_hasher **ret_hasher);
MUST_USE enum drover_error depot_hasher_run(struct depot_hasher *hasher);
/* A call whose `prepared` is a struct resume_question. From any thread. False: too many wait; the call stays the caller's. */
bool depot_hasher_push(struct depot_hasher *hasher, struct http_call *call);
/* Stops and joins it; calls that still wait are freed. NULL is fine. */
void depot_hasher_free(struct depot_hasher *hasher);
