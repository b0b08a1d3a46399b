/* From the staging file into the other slot, on a thread of its own: flash is slow, and heartbeats go on. While it runs, the slots are its own. */
#pragma once

#include <stdint.h>

#include "agent/slots.h"
#include "firmware/package_head.h"
#include "firmware/recipient.h"

struct install_job {                       /* all borrowed until install_free */
    struct slots *slots;
    const char *staging_path;
    const char *journal_dir;               /* journals of patched parts, so that a restart writes nothing twice */
    const struct package_policy *policy;
    const struct recipient_keys *keys;
    const char *version;                   /* that was announced */
};

struct install_result {
    enum error_code code;                  /* E_NONE: written, synced, valid */
    struct problem problem;
    int64_t release_counter, build_time_ms;
    char *trust_bytes;                     /* owned by the install: a newer trust document that came with it; NULL: none */
    size_t trust_length;
};

struct install;
/* NULL: no memory, no thread. */
struct install *install_start(const struct install_job *job);
int install_fd(const struct install *install);       /* readable when it has ended */
bool install_ended(struct install *install, const struct install_result **ret_result);
/* Stops it at the next piece (a command of the integrator is waited for) and frees it; the half-written slot stays invalid. NULL is fine. */
void install_free(struct install *install);
