/* A plain ZIP with the package and its meta.json, for people and tools that want to look inside. Every command that takes a package takes it. */
#pragma once

#include "firmware/format.h"

/* name_in_zip: "esp32-1.1.0.dfw". Writes the ZIP whole or not at all. */
MUST_USE enum error_code bundle_write(const char *package_path, const char *name_in_zip, const char *zip_path, struct problem *ret_problem);
/* Opens a package: the file itself, or the one *.dfw entry of a ZIP, copied into an unlinked temporary file (at most package_bytes_max). Names
 * inside the ZIP are never used as paths. meta.json, when there, must be the package's manifest. The fd is at offset 0. path must be
 * a regular file (or a link to one): pipes, sockets, devices and folders are refused at once, without waiting for a writer. */
MUST_USE enum error_code bundle_open(const char *path, int64_t package_bytes_max, int *ret_fd, struct problem *ret_problem);
