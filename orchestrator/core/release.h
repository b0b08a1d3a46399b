/* A release: a model, a version, what its signed manifest says, its full package and its deltas. A value; owns nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/semver.h"
#include "common/sha256.h"
#include "common/text.h"

struct heartbeat;
struct policy;

#define RELEASE_DELTAS_MAX 8
#define RELEASE_HW_REVS_SIZE (32 * ID_SIZE)   /* as many as a manifest may hold, with commas between them */

enum release_delta_state {
    RELEASE_DELTA_GIVEN,       /* uploaded with the release; offered, as a derived one */
    RELEASE_DELTA_DERIVED,
    RELEASE_DELTA_QUEUED,      /* wanted: a worker will derive it */
    RELEASE_DELTA_RUNNING,     /* a worker is deriving it, or was when its droverd ended: open as well */
    RELEASE_DELTA_NOT_WORTH,   /* it would save too little */
    RELEASE_DELTA_SKIPPED,     /* it cannot be derived here: `why` */
    RELEASE_DELTA_FAILED,      /* `why` */
    RELEASE_DELTA_STATE_COUNT
};
const char *release_delta_state_name(enum release_delta_state state);   /* "given", "derived", "queued", "running", "not_worth", "skipped", "failed" */
bool release_delta_state_read(const char *name, enum release_delta_state *ret_state);

struct release {
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    char sha256[SHA256_HEX_SIZE];            /* of the full package, and its name in the depot */
    int64_t size_bytes;
    int64_t created_ms;
    /* of the manifest, which the full package and every delta share */
    char manifest_sha256[SHA256_HEX_SIZE];   /* "": made before packages were verified; never offered */
    int64_t release_counter;
    char min_version[VERSION_SIZE];          /* a device must run at least this; "": any */
    char hw_revs[RELEASE_HW_REVS_SIZE];      /* comma-separated; "": every hardware revision */
    int64_t expires_ms;                      /* 0: never */
    bool encrypted;
    /* by which trust store it was last verified */
    int64_t trust_version;
    char trust_sha256[SHA256_HEX_SIZE];      /* of the document */
    char refused[64];                        /* "": it was verified; otherwise "E_SIGNATURE: 0 of 1 signatures ..." */
    unsigned delta_count;
    struct release_delta {
        char base_version[VERSION_SIZE];
        enum release_delta_state state;
        char sha256[SHA256_HEX_SIZE];        /* "" unless given or derived */
        int64_t size_bytes;
        char why[64];
    } deltas[RELEASE_DELTAS_MAX];
};

/* NULL: it may be offered now; otherwise why nobody is told of it. */
const char *release_refusal(const struct policy *policy, const struct release *release, int64_t now_ms);
/* The same without times and without the trust store of this instance: what is wrong with it for everybody, for ever or until another
 * trust store comes. Its rollouts are paused. */
const char *release_flaw(const struct release *release);
/* NULL: it fits the device's hardware and what runs there. */
const char *release_device_refusal(const struct release *release, const char *hw_rev, const char *version);
/* Was it verified against this trust store, or a newer one? */
bool release_is_proved(const struct release *release, int64_t trust_version, const char *trust_sha256);

/* Still to be derived. */
bool release_delta_is_open(const struct release_delta *delta);
/* May be given to devices: it is in the depot. */
bool release_delta_is_kept(const struct release_delta *delta);
/* The release's delta for this base, whatever its state; NULL when there is none. */
const struct release_delta *release_delta(const struct release *release, const char *base_version);
