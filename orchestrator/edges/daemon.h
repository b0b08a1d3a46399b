/* droverd, whole: reads its settings, makes the parts, connects them, runs the loop, ends in order. */
#pragma once

/* The exit status: 0 done or drained, 1 could not start or an end that was forced, 2 bad options or settings. */
int daemon_main(int argc, char *const *argv, char *const *environment);
