/* Permits to go back, made while a rollout runs: a worker signs them with release.permit_key, for one rollout, one version to leave and one to go back to, for a time. They
 * are kept in memory alone; every droverd makes its own. */
#pragma once

#include <stdint.h>

#include "orchestrator/core/rollout.h"
#include "orchestrator/edges/daemon_settings.h"
#include "orchestrator/edges/release_proofs.h"

struct permits;

/* All borrowed; the settings may change at any time. NULL: out of memory. */
struct permits *permits_new(struct worker_pool *pool, struct proofs *proofs, const struct daemon_settings *settings);
void permits_free(struct permits *permits);   /* after the pool was stopped; NULL is fine */
/* As flow_config.permit asks: the text, "" when there is none to be had here (no key, no trust store, or the key is of no use: said in the log),
 * NULL while it is being made. The text lives until the loop turns. */
const char *permits_get(void *permits, const struct rollout *rollout, const char *from_version, const char *to_version);
/* The key or the trust store may be another one: those made before are made anew. */
void permits_forget(struct permits *permits);

struct permit_counters {
    uint64_t made, failed;
};
struct permit_counters permits_counters(const struct permits *permits);
