/* What the files of the worker process share; nobody else includes it. */
#pragma once

#include "firmware/package_file.h"
#include "firmware/trust.h"
#include "orchestrator/edges/depot_store.h"
#include "orchestrator/edges/worker.h"
#include "orchestrator/edges/worker_task.h"

struct worker {
    const struct worker_task *task;
    struct worker_answer *answer;
    struct depot depot;
    struct trust trust;
};

/* Fills the answer; returns code. */
enum error_code worker_refuse(struct worker *worker, enum error_code code, const struct problem *problem);
/* Proves the package in a file and fills the answer with what it is. */
enum error_code worker_prove(struct worker *worker, const char *path);
/* E_NONE: the delta package in a file, applied to the images of `from`, gives the images that its manifest names. */
enum error_code worker_apply(const struct worker *worker, const struct package_file *from, const char *path, struct problem *ret_problem);

/* The jobs. */
void worker_verify(struct worker *worker);
void worker_derive(struct worker *worker);
void worker_permit_make(struct worker *worker);
void worker_permit_check(struct worker *worker);
