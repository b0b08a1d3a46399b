/* A test program that runs one of its own stories again and again, each time with the power going at another point (README.md here). Its main gives
 * `PROGRAM story ROOT` to the story, which says on standard output, one letter each, what has been promised so far. */
#pragma once

#include <stdbool.h>

struct power_cut {
    const char *story;     /* first argument of the program */
    const char *root;      /* second; where calls are counted */
    const char *mode;      /* "before", "torn", "data", "all", "some" */
    unsigned at;           /* 0: never */
};
/* True: the story came to its end (and must have succeeded, or the test fails). False: the power went. ret_promises (64 bytes): its letters. */
bool power_cut_run(const struct power_cut *cut, char *ret_promises);
/* How far the next point is from this one: 1, or more where processes are slow (DROVER_FAULT_STRIDE). */
unsigned power_cut_stride(void);
/* One promise, from inside the story. */
void power_cut_promise(char letter);

/* A fresh empty folder; and its end. */
void power_cut_folder_make(char *ret_path, unsigned size);
void power_cut_folder_remove(const char *path);
