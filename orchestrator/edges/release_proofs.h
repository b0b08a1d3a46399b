/* What the trust store says of packages in the depot, by their SHA-256: asked of workers, remembered for a while. A cache: after a restart
 * or with another trust store they are simply verified again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/core/release.h"
#include "orchestrator/edges/worker_pool.h"

struct proofs;

struct proofs *proofs_new(struct worker_pool *pool, const char *data_dir);   /* borrowed; NULL: out of memory */
void proofs_free(struct proofs *proofs);                                     /* after worker_pool_stop; NULL is fine */

/* The trust store in effect. length 0: none; nothing verifies then. False: out of memory. */
bool proofs_set_trust(struct proofs *proofs, const char *text, size_t length, int64_t version, const char *trust_sha256);
bool proofs_have_trust(const struct proofs *proofs);
int64_t proofs_trust_version(const struct proofs *proofs);
const char *proofs_trust_sha256(const struct proofs *proofs);

enum proof {
    PROOF_KNOWN,       /* *ret_answer says what it is, or why it is refused; it lives until the next call of this file */
    PROOF_UNDER_WAY,   /* ask again */
    PROOF_FULL,        /* too many wait: ask again later */
};
enum proof proofs_ask(struct proofs *proofs, const char *sha256, const struct worker_answer **ret_answer);

/* Fills in what the manifest says from the full package's answer, and checks the deltas against it; `release` holds what was asked for:
 * sha256 of the package and of its deltas, and model, version, base versions unless "". E_NONE, or what is wrong. All must be known. */
enum error_code proofs_fill(struct proofs *proofs, struct release *release, struct problem *ret_problem);
/* What the answers say of a release that was verified before: refused, trust_version and trust_sha256 are set, deltas that do not verify
 * become FAILED. All must be known. False: a worker broke, so nothing can be said now. */
bool proofs_judge(struct proofs *proofs, struct release *release);
/* PROOF_KNOWN when the full package and every delta that is kept are known. */
enum proof proofs_ask_all(struct proofs *proofs, const struct release *release);
