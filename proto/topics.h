/* Every MQTT topic, built and taken apart in this one place. */
#pragma once

#include <stddef.h>

#include "common/error.h"
#include "common/text.h"

#define TOPIC_SIZE 192   /* the longest topic with its NUL */

enum topic_kind {
    TOPIC_HEARTBEAT,   /* device/<id>/heartbeat */
    TOPIC_ONLINE,      /* device/<id>/online */
    TOPIC_REPORT,      /* device/<id>/report */
    TOPIC_NOTICE,      /* update/<model> */
    TOPIC_COMMAND,     /* update/<model>/<id> */
    TOPIC_EVENT,       /* fleet/event/<rollout> */
};

struct topic {
    enum topic_kind kind;
    char device_id[ID_SIZE];  /* heartbeat, online, report, command */
    char model[ID_SIZE];      /* notice, command */
    char rollout[ID_SIZE];    /* event */
};

/* Takes a topic apart; DROVER_UNKNOWN for a topic that is not ours, DROVER_SYNTAX for a bad id in one that is. */
MUST_USE enum drover_error topic_read(const char *text, size_t length, struct topic *ret_topic, struct problem *ret_problem);
/* Writes the topic of the filled-in fields into ret (TOPIC_SIZE); the ids must be ids. Returns its length. */
size_t topic_write(const struct topic *topic, char *ret);

/* What the orchestrator subscribes to: filters[0..2] ("device/+/heartbeat", ...), each TOPIC_SIZE; share_group NULL or ""
 * for plain subscriptions, else "$share/<group>/..." */
#define TOPIC_FILTER_COUNT 3
/* (a longer group is cut to 64 characters) */
void topic_filters(const char *share_group, char ret[TOPIC_FILTER_COUNT][TOPIC_SIZE]);
