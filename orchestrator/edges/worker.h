/* Inside the worker process: one task, one answer. */
#pragma once

/* The whole process: task is what droverd passed on the command line; the trust store is read from fd 0, the answer goes to fd 1.
 * Returns the exit status: 0 when there is an answer, whatever it says. */
int worker_main(const char *task);
