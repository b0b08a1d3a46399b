/* Long work on files: its progress bar, interrupts that leave nothing half-written, and what a refusal becomes. */
#pragma once

#include "cli/cli.h"
#include "firmware/format.h"

struct work {
    struct cli *cli;
    const char *what;                   /* before the numbers of the bar */
    struct package_progress progress;   /* for the library; points to this work */
};
/* From here on SIGINT, SIGTERM and SIGHUP end the work at its next step; a second one ends the program at once. */
void work_begin(struct work *work, struct cli *cli, const char *what);
bool work_interrupted(void);
/* At the end of the program: dies by the signal that interrupted the work, so that a shell sees it. */
void work_pass_on_interrupt(void);

/* Says why a package, a permit or a trust document was refused ("E_SIGNATURE: path: where: what", exit code 9), or what went
 * wrong on this machine (exit code 1). path NULL: not named. E_NONE is CLI_OK and says nothing. */
enum cli_exit work_refused(struct cli *cli, const char *path, enum error_code code, const struct problem *problem);
/* The same for keys and documents. DROVER_OK is CLI_OK. */
enum cli_exit work_failed(struct cli *cli, const char *path, enum drover_error error, const struct problem *problem);
