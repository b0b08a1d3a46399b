/* device/<id>/heartbeat: what a device says of itself, every 30 s by default. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/semver.h"
#include "common/text.h"
#include "common/time_zone.h"

#define PRIORITY_USUAL "normal" /* the class of a device that names none */
#define WORD_SIZE 33      /* status, network, priority, hw_rev: printable ASCII words, at most 32 characters */
#define BOOT_ID_SIZE 41   /* up to 40 characters of an id: a UUID fits */
#define TAGS_SIZE 64      /* all tags, comma-separated, each an id */
#define MESSAGE_SIZE 8192 /* longest payload of any message */

#define ABSENT INT64_MIN  /* an optional number that was not sent */

/* Does the device report each step (managed), or is it only seen through HTTP and heartbeats (simple)? */
enum device_kind { KIND_UNKNOWN, KIND_MANAGED, KIND_SIMPLE };

struct heartbeat {
    char device_id[ID_SIZE];       /* from the topic */
    char model[ID_SIZE];           /* required */
    char version[VERSION_SIZE];    /* required; SemVer, stored without `v` */
    char hw_rev[WORD_SIZE];        /* this and all below optional: "" or ABSENT */
    char status[WORD_SIZE];        /* idle, busy, updating, unhealthy, ...; "" is taken as idle */
    char slot;                     /* 'a', 'b' or 0 */
    char boot_id[BOOT_ID_SIZE];    /* new at each boot */
    int64_t uptime_s;
    int64_t seq;                   /* counts up within a boot */
    char network[WORD_SIZE];       /* wifi, ethernet, cellular, ... */
    int64_t rssi_dbm;              /* -200 .. 0 */
    int64_t battery_pct;           /* 0 .. 100 */
    char priority[WORD_SIZE];      /* priority class; "": PRIORITY_USUAL */
    char tags[TAGS_SIZE];
    char tz[TIME_ZONE_SIZE];       /* IANA name of its time zone; whether there is such a zone is not checked here */
    enum device_kind kind;         /* "managed": true/false when the device says so itself */
};

/* device_id is the topic's; a different "device_id" in the body is DROVER_MISMATCH. *ret is written only on success. */
MUST_USE enum drover_error heartbeat_read(const char *device_id, const char *bytes, size_t length,
                                          struct heartbeat *ret_heartbeat, struct problem *ret_problem);
/* Appends the JSON of the heartbeat. */
void heartbeat_write(const struct heartbeat *heartbeat, struct buffer *buffer);

/* What a status word means for an upgrade. */
enum health { HEALTH_GOOD, HEALTH_NOT_READY, HEALTH_BAD };
/* "", idle, busy, ok, running, online: good. unhealthy, error, failed, degraded: bad. Anything else (updating, starting, ...): not ready. */
enum health heartbeat_health(const char *status);
