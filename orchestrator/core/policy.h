/* The waits and limits that are the same for all rollouts; filled from the settings and the trust store. All times in ms. */
#pragma once

#include <stdint.h>

#include "common/sha256.h"

#define TRUST_VERSION_NONE INT64_MAX   /* no trust store: nothing is offered */

struct policy {
    int64_t heartbeat_ms;          /* what devices are expected to keep, 30 s */
    int64_t offline_after_ms;      /* no heartbeat for this long: offline, 90 s */
    int64_t silent_after_ms;       /* a live upgrade's device silent for this long at a deadline: lost, 180 s */
    int64_t lost_give_up_ms;       /* lost for this long: failed, 7 days */
    int64_t pending_ms;            /* look again at a pending upgrade, 5 s */
    int64_t acknowledge_ms;        /* dispatched -> acknowledged, 30 s (plus the rollout's spread for devices that are not managed) */
    int64_t acknowledge_repeats;   /* commands said again before the attempt counts as failed, 2 */
    int64_t start_ms;              /* acknowledged -> downloading, 5 min */
    int64_t download_stall_ms;     /* no progress for this long, 5 min */
    int64_t download_total_ms;     /* the whole download, 2 h */
    int64_t install_ms;            /* 15 min */
    int64_t verify_ms;             /* from the reboot to the confirmation, without the soak, 5 min */
    int64_t ready_ms;              /* from the first sign of the new boot to ready, 30 s */
    int64_t unhealthy_max;         /* unhealthy heartbeats in a row: roll back, 3 */
    int64_t boot_loop_max;         /* different boot ids after the dispatch: boot loop, 4 */
    int64_t rollback_ms;           /* 60 s */
    int64_t rollback_repeats;      /* 2 */
    int64_t retry_base_ms;         /* 10 s */
    int64_t retry_cap_ms;          /* 15 min */
    int64_t busy_ms;               /* look again at a busy device, 60 s, jittered */
    int64_t busy_max;              /* busy answers that cost no attempt, 20; further ones do */
    int64_t queue_max;             /* devices that may wait for a place in one rollout, 20000; 0: none do */
    int64_t clash_ms;              /* no upgrade for this long after two devices with one identity were seen, 1 h */
    int64_t quarantine_ms;         /* a device that came back from a release by itself is kept from it for so long, 24 h; 0: it is not */
    int64_t stopped_ms;            /* not a setting: since when all rollouts are stopped (flow_set_stopped); 0: they are not */
    /* not a setting, but what the file of one says: the trust store in effect */
    int64_t trust_version;         /* TRUST_VERSION_NONE: there is none */
    char trust_sha256[SHA256_HEX_SIZE];
};
