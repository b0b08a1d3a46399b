/* What Drover knows of one device: the record behind drover:v1:device:<id>. A value; owns nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/heartbeat.h"

struct device {
    struct heartbeat last;      /* the newest heartbeat that was taken; last.device_id names the device */
    bool online;                /* by heartbeat, last will and sweep */
    int64_t first_seen_ms;
    int64_t seen_ms;            /* when the last heartbeat arrived, unix ms */
    int64_t clash_ms;           /* when two devices with this identity were last noticed; 0: never */
    char quarantine[VERSION_SIZE];   /* the version that it is kept from; "": none */
    int64_t quarantine_ms;           /* until then; 0: until somebody lifts it */
    bool quarantine_auto;            /* because it came back from that version by itself: another turn given by an operator passes over it */
    char excluded[ID_SIZE];          /* one rollout that it is excluded from, the last one as a rule; "": none */
};
