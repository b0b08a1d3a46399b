/* What the depot saw of a download: it gave a device bytes of the package of its attempt. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/report.h"

struct served {
    char device_id[ID_SIZE];
    char upgrade_id[UPGRADE_ID_SIZE];
    int64_t attempt;
    bool whole;              /* all bytes up to the last were handed to the kernel */
    int64_t progress_pct;    /* how far into the package */
    int64_t at_ms;           /* unix ms */
};
