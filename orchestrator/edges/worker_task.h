/* What droverd asks of a worker, and what the worker answers: one JSON object each way, read strictly on both sides.
 * The worker is droverd itself, started again for one job: `droverd --worker TASK`. The trust store comes on its standard input, the
 * answer goes to its standard output as one line. Hostile bytes are parsed there, never in the process that holds the fleet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/semver.h"
#include "common/sha256.h"
#include "common/text.h"
#include "orchestrator/core/release.h"
#include "proto/error_code.h"
#include "proto/plan.h"

#define WORKER_PATH_SIZE 256      /* data_dir, an instance, a name */
#define WORKER_TEXT_MAX 16384    /* a task, an answer */
#define WORKER_PERMIT_SIZE 2048  /* of one signature */

/* Those that come first go first. */
enum worker_job { WORKER_PERMIT_CHECK, WORKER_PERMIT_MAKE, WORKER_VERIFY, WORKER_DERIVE, WORKER_JOB_COUNT };
const char *worker_job_name(enum worker_job job);   /* "permit_check", "permit_make", "verify", "derive" */

struct worker_task {
    enum worker_job job;
    int64_t parent_pid;                  /* without it the worker ends */
    int64_t now_ms;
    int64_t memory_bytes;                /* its address space; 0: no limit */
    char data_dir[WORKER_PATH_SIZE];     /* of the depot */
    char sha256[SHA256_HEX_SIZE];        /* the package to verify, or the new release's full package */
    /* derive only */
    char base_sha256[SHA256_HEX_SIZE];
    char folder[WORKER_PATH_SIZE];       /* for what is being made; emptied at droverd's start */
    char delta_key[WORKER_PATH_SIZE];    /* PEM file; "": the description stays unsigned */
    int64_t image_bytes_max;             /* a larger image is not worked on */
    int64_t min_saving_pct;
    /* permits only: of the rollout that goes back */
    char rollout[ID_SIZE];
    char model[ID_SIZE];
    char version[VERSION_SIZE];          /* that it goes back from */
    char permit[PLAN_PERMIT_SIZE];       /* check: JWS */
    char permit_key[WORKER_PATH_SIZE];   /* make: PEM file */
    char permit_id[ID_SIZE];
    char to_version[VERSION_SIZE];
    int64_t expires_ms;
};
void worker_task_write(const struct worker_task *task, struct buffer *buffer);
MUST_USE enum drover_error worker_task_read(const char *bytes, size_t length, struct worker_task *ret, struct problem *ret_problem);

/* What a package is. Proved only with code E_NONE. */
struct worker_answer {
    enum error_code code;
    char where[48], what[112];
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    char manifest_sha256[SHA256_HEX_SIZE];
    int64_t release_counter;
    char min_version[VERSION_SIZE];
    char hw_revs[RELEASE_HW_REVS_SIZE];
    int64_t expires_ms;
    bool encrypted;
    bool delta;
    char base_version[VERSION_SIZE];
    int64_t size_bytes;                  /* of the package */
    /* derive only; size_bytes and sha256 are the delta's */
    bool kept;
    bool skipped;                        /* cannot be derived here: `what` says why */
    char sha256[SHA256_HEX_SIZE];
    int64_t full_bytes;
    char permit[WORKER_PERMIT_SIZE];     /* permit_make only; of one that was checked, expires_ms */
    /* not in the line: filled in by droverd */
    int64_t asked_ms;                    /* the time it was held against */
    char trust_sha256[SHA256_HEX_SIZE];  /* the trust store that was held against it */
    bool broken;                         /* the worker gave no answer: crashed, killed, out of time */
};
void worker_answer_write(const struct worker_answer *answer, struct buffer *buffer);
MUST_USE enum drover_error worker_answer_read(const char *bytes, size_t length, struct worker_answer *ret, struct problem *ret_problem);
