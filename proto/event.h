/* One entry of the event stream: drover:v1:events in Redis and fleet/event/<rollout> over MQTT. Same fields in every entry. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/semver.h"
#include "common/text.h"
#include "proto/error_code.h"
#include "proto/report.h"

struct event {
    char id[32];                      /* the stream's entry id, "1700000000000-0"; "" before it is stored */
    int64_t at_ms;                    /* "at_ms" */
    char kind[16];                    /* move, rollout, alarm, audit, release */
    char device_id[ID_SIZE];          /* "device"; "-" when it is about no device, likewise below */
    char model[ID_SIZE];
    char rollout[ID_SIZE];
    char upgrade_id[UPGRADE_ID_SIZE]; /* "upgrade" */
    char from[24];                    /* state before; "none" before the first; the longest is a rollout's awaiting_approval */
    char to[24];
    char on[24];                      /* the event of the state machine, lower case, e.g. "target_seen" */
    int64_t attempt;
    int64_t revision;
    char version[VERSION_SIZE];       /* the target */
    char error[24];                   /* an error code or "-" */
    char why[128];
    char prev[32];                    /* id of this device's entry before this one, "-" for its first: a chain to walk back */
    char instance[ID_SIZE];           /* which droverd did it */
    int64_t stage;                    /* of the rollout, through which the device was taken, or which runs after the rollout's move; 0: none */
};

MUST_USE enum drover_error event_read(const char *bytes, size_t length, struct event *ret_event, struct problem *ret_problem);
void event_write(const struct event *event, struct buffer *buffer);
