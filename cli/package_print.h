/* What a package says of itself, as JSON for every output format, and as tables and a picture for people. */
#pragma once

#include "cli/cli.h"
#include "firmware/package_file.h"

struct cJSON;

/* Facts, components, signatures, recipients, the delta's facts and the layout. complete: the documents too, and the file's SHA-256.
 * Freed with cJSON_Delete; NULL: out of memory or the file cannot be read, reported. */
struct cJSON *package_describe(struct cli *cli, const char *path, const struct package_file *file, bool complete);
/* Prints the complete description of a file: for people tables and the layout's picture. */
enum cli_exit package_inspect(struct cli *cli, const char *path);
/* After a package was written: its few most important facts (in other formats than table the description). */
enum cli_exit package_report(struct cli *cli, const char *path);
/* SHA-256 of a whole open file, read from its start. False with errno. */
bool fd_sha256(int fd, char *ret_hex);
