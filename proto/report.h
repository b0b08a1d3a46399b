/* device/<id>/report: what a managed device says about its upgrade. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/semver.h"
#include "common/text.h"
#include "proto/error_code.h"
#include "proto/heartbeat.h"

#define UPGRADE_ID_SIZE 33   /* 16 lower-case hex today; devices treat it as opaque */
#define REPORT_TEXT_SIZE 129 /* longest free text kept of a report; longer text is refused */

/* The word in "state". `succeeded` is only the device's word. */
enum report_state {
    REPORT_ACKNOWLEDGED, REPORT_DOWNLOADING, REPORT_INSTALLING, REPORT_VERIFYING, REPORT_SUCCEEDED,
    REPORT_FAILED, REPORT_REJECTED, REPORT_ROLLED_BACK,
    REPORT_STATE_COUNT
};
const char *report_state_name(enum report_state state);

struct report {
    char device_id[ID_SIZE];          /* from the topic */
    char upgrade_id[UPGRADE_ID_SIZE]; /* required */
    int64_t attempt;                  /* required, 1 .. 1000 */
    int64_t seq;                      /* required, counts up within the upgrade */
    enum report_state state;          /* required */
    int64_t progress;                 /* 0 .. 100 or ABSENT */
    char version[VERSION_SIZE];       /* what it runs now; "" when absent */
    enum error_code error;            /* "error": a code; E_NONE when absent; an unknown code is read as E_INTERNAL */
    char text[REPORT_TEXT_SIZE];      /* "text" */
};

MUST_USE enum drover_error report_read(const char *device_id, const char *bytes, size_t length,
                                       struct report *ret_report, struct problem *ret_problem);
void report_write(const struct report *report, struct buffer *buffer);
