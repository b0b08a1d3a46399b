/* A package on the command line: a file, a ZIP bundle, or "-" for standard input. */
#pragma once

#include "cli/key_options.h"
#include "firmware/package_head.h"

struct package_source {
    const char *name;             /* as given, "standard input" for "-" */
    int fd;                       /* at its start; owned */
    bool seekable;
};
/* On failure it has been reported, and there is nothing to close. */
enum cli_exit package_source_open(struct cli *cli, const char *path, struct package_source *ret_source);
void package_source_close(struct package_source *source);

/* The head as it comes first on a file or a pipe. bytes are kept, so that they can be fed on; freed with source_head_done on every path. */
struct source_head {
    uint8_t *bytes;
    size_t length;
    bool has_head;
    struct package_head head;
};
/* A verdict of the package, or E_INSTALL when it cannot be read. */
MUST_USE enum error_code source_head_read(struct package_source *source, struct source_head *ret_head, struct problem *ret_problem);
void source_head_done(struct source_head *head);

/* What the options say a package is held against. permit is freed by the caller. Trust is left out. */
enum cli_exit policy_of_options(struct cli *cli, struct package_policy *ret_policy, uint8_t manifest_sha256[SHA256_BYTES], struct buffer *permit);
