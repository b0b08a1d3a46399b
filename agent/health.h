/* Commands of the integrator, each with a deadline, run without blocking the loop: health checks, reboot. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct command_run;
/* Runs `/bin/sh -c command` in a process group of its own with what stands in environment ("NAME=value", NULL at the end; NULL is fine) added; its
 * output goes to the log when it has ended, cut to 2700 bytes. After timeout_ms: SIGTERM, 2 s later SIGKILL, to the group. What a command that passed has
 * left running in the background is left alone; after a failure it is killed. No descriptor above 2 is inherited; signals are as a shell has
 * them. SIGCHLD must not be ignored. NULL, with errno: out of memory or no process could be made. */
struct command_run *command_run_start(const char *command, const char *const *environment, int64_t timeout_ms, int64_t now_mono_ms);
/* Readable when the process has ended (pidfd) or there is output: for the loop's poll set; at most two. Ask anew after each step. Linux before 5.3
 * has no pidfd: ret_wake_ms of command_run_step is then never far. */
unsigned command_run_fds(const struct command_run *run, int ret_fds[2]);
enum command_state { COMMAND_RUNS, COMMAND_PASSED, COMMAND_FAILED, COMMAND_TIMED_OUT };
/* To be called when an fd is readable and at the time *ret_wake_ms. */
enum command_state command_run_step(struct command_run *run, int64_t now_mono_ms, int64_t *ret_wake_ms);
/* Its time is over now; it ends as COMMAND_TIMED_OUT, "stopped". */
void command_run_stop(struct command_run *run, int64_t now_mono_ms);
/* Of a command that has ended; -1 while it runs, when a signal ended it and when its time was over. */
int command_run_exit_code(const struct command_run *run);
/* "exit code 3: <last line of output>", terminated, printable. */
const char *command_run_why(const struct command_run *run);
void command_run_free(struct command_run *run);   /* ends the group if it runs; NULL is fine */
