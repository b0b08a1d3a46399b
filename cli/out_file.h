/* Files that a command writes: they appear whole or not at all, and replace nothing without --force. */
#pragma once

#include <sys/types.h>

#include "cli/cli.h"

#define OUT_MODE 0666           /* less the umask */
#define OUT_MODE_SECRET 0600

/* CLI_OK when the path may be written: nothing is there, or a regular file and --force. */
enum cli_exit out_check(struct cli *cli, const char *path);
/* One small file. */
enum cli_exit out_write(struct cli *cli, const char *path, mode_t mode, const void *bytes, size_t length);
/* The same for a file that is meant to be changed: what is there is replaced. */
enum cli_exit out_replace(struct cli *cli, const char *path, mode_t mode, const void *bytes, size_t length);

/* A file that grows: written under a temporary name in its folder. */
struct out_file {
    int fd;
    const char *path;           /* of the caller */
    char *temporary;            /* owned */
    bool replaces;              /* whatever is there */
    bool kept;                  /* a partial file stays for the next time */
};
/* kept: the temporary name is always the same, and what is there is gone on with. On failure it has been reported, and
 * there is nothing to end. */
enum cli_exit out_open(struct cli *cli, const char *path, mode_t mode, bool kept, struct out_file *ret_file);
/* Synced and renamed. */
enum cli_exit out_commit(struct cli *cli, struct out_file *file);
/* Removes what was not committed (unless kept) and frees; after out_commit too. A zeroed file with fd -1 is fine. */
void out_done(struct out_file *file);

/* A free temporary name in the folder of path, for a library that writes files by itself. NULL: reported. */
char *out_temporary(struct cli *cli, const char *path);
/* "folder/name" malloc'ed; NULL: out of memory. */
char *out_join(const char *folder, const char *prefix, const char *name, const char *suffix);
