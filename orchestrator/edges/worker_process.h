/* The process of one worker: droverd itself, started again as `droverd --worker TASK`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "orchestrator/edges/worker_task.h"

/* trust is what the worker reads as its trust store. *ret_fd does not block and gives the worker's answer, then its end; the caller closes
 * it and waits for *ret_pid. Call it on a thread that lives as long as the process: the worker is killed when that thread ends.
 * False: errno says why. */
bool worker_process_start(const struct worker_task *task, const char *trust, size_t trust_length, pid_t *ret_pid, int *ret_fd);
