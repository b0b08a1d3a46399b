/* From the staging file into the other slot: everything about the package is proved, the slot is marked invalid, proved bytes are written, and then it is
 * valid. Slow: it belongs on a thread (slots_task.h). */
#pragma once

#include <stdint.h>

#include "agent/slots.h"
#include "firmware/package_head.h"
#include "firmware/recipient.h"

struct install_job {
    const char *staging_path;
    const char *journal_dir;               /* journals of patched parts, so that a restart writes nothing twice */
    const struct package_policy *policy;
    const struct recipient_keys *keys;
    const char *version;                   /* that was announced */
};

/* What the package says, as far as it was proved. */
struct install_found {
    int64_t release_counter, build_time_ms;
    char *trust_bytes;                     /* owned: a newer trust document that came with it; NULL: none */
    size_t trust_length;
};
void install_found_done(struct install_found *found);

/* E_NONE: written, synced, valid. E_CANCELLED after slots_stop, which is looked at with each piece; a half-written slot stays invalid. *ret_found is filled in any
 * case and is the caller's. */
MUST_USE enum error_code install_run(struct slots *slots, const struct install_job *job, struct install_found *ret_found, struct problem *ret_problem);
