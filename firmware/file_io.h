/* Inside firmware/ only: whole reads and writes, and temporary files beside the file they will become. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At most length bytes at offset, fewer only at the end of the file. False: errno says why. */
bool file_read_at(int fd, void *bytes, size_t length, int64_t offset, size_t *ret_got);
/* As read, but goes on after signals; *ret_got 0 is the end. */
bool file_read(int fd, void *bytes, size_t length, size_t *ret_got);
/* All of it, or false with errno. */
bool file_write(int fd, const void *bytes, size_t length);
bool file_write_at(int fd, const void *bytes, size_t length, int64_t offset);

/* A new file in the folder of path, read and write, its name (path, a dot and random digits) in ret_temporary: rename it or unlink it.
 * -1: errno says why. */
int file_beside(const char *path, char *ret_temporary, size_t size);
/* The same without a name: gone when it is closed. */
int file_beside_unnamed(const char *path);
/* Makes a rename in the folder of path last. False: errno says why. */
bool file_sync_folder(const char *path);
/* mmap of `bytes` from `offset` on. MAP_FAILED: errno says why; EFBIG: a 32-bit machine has no place for so much. */
void *file_map(int fd, int64_t offset, int64_t bytes, int protection, int flags);
