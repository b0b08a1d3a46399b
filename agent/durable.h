/* Small files that survive a power cut: written beside, synced, renamed, and the folder synced. Whoever reads finds the old bytes or the new
 * ones, whole. All names are names inside a folder that is open. */
#pragma once

#include <stddef.h>

#include "common/error.h"

/* Opens the folder (O_CLOEXEC); makes it when it is missing (its parent must be there), and then that is on disk, too. DROVER_IO. */
MUST_USE enum drover_error durable_folder(int at_fd, const char *path, int *ret_fd, struct problem *ret_problem);
/* What was renamed, made or removed in the folder is on disk. */
MUST_USE enum drover_error durable_folder_sync(int folder_fd, const char *what, struct problem *ret_problem);
/* DROVER_NO_SPACE, DROVER_IO: nothing has changed, or (the folder could not be synced) nobody knows. */
MUST_USE enum drover_error durable_replace(int folder_fd, const char *name, const void *bytes, size_t length, struct problem *ret_problem);
/* All bytes of a regular file. DROVER_NOT_FOUND; DROVER_TOO_LONG when it has more than size; DROVER_IO. */
MUST_USE enum drover_error durable_read(int folder_fd, const char *name, void *ret_bytes, size_t size, size_t *ret_length, struct problem *ret_problem);
/* Renames a file that cannot be trusted to NAME.bad and logs why. */
void durable_set_aside(int folder_fd, const char *name, const struct problem *why);

/* "what: No space left on device" from errno: DROVER_NO_SPACE for a full disk or quota, otherwise DROVER_IO. */
enum drover_error durable_failed(const char *name, const char *what, struct problem *ret_problem);
