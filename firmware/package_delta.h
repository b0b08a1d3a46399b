/* The delta package from one full package to another. */
#pragma once

#include "firmware/package_file.h"
#include "firmware/patch.h"
#include "firmware/recipient.h"

struct package_delta_options {
    const struct recipient_keys *keys;     /* NULL: both are plain */
    unsigned threads;                      /* 0: the cores of this machine */
    int min_saving_pct;                    /* keep it only when it is this much smaller than the full package; 0: 20, -1: always */
    int64_t memory_max_bytes;              /* 0: no limit; a component that would need more is stored in full */
    const struct package_progress *progress;
};
struct package_delta_result {
    bool kept;                             /* false: it saves too little, nothing was written */
    int64_t full_bytes, delta_bytes;
    struct package_delta_part {
        enum delta_algorithm algorithm;
        int64_t bsdiff_bytes, zstd_bytes;  /* -1: not made */
        int64_t bsdiff_ms, zstd_ms;
    } parts[PACKAGE_COMPONENTS_MAX];
};
/* Components are paired by name. bsdiff and zstd are both made, in parallel, and the smaller one is kept. The manifest and its signatures are
 * those of `to`; the description is unsigned (package_sign). E_INCOMPATIBLE: other models, or one of the two is a delta itself. */
MUST_USE enum error_code package_delta(const struct package_file *from, const struct package_file *to, const struct package_delta_options *options, const char *path,
                                       struct package_delta_result *ret_result, struct problem *ret_problem);
