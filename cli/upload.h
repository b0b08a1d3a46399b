/* Bringing a package to the server: SHA-256 here, then parts, resumed where the server stands. */
#pragma once

#include "cli/cli.h"
#include "common/sha256.h"

/* Uploads the open file (a package; path only names it) unless the server has it already; on failure it has been reported.
 * ret_sha256: SHA256_HEX_SIZE. */
enum cli_exit upload_package(struct cli *cli, int fd, const char *path, int64_t size, char *ret_sha256);
