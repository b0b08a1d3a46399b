/* Inside firmware/ only: an image into one zstd frame that every reader can decompress. */
#pragma once

#include "common/sha256.h"
#include "firmware/format.h"

struct compress_result {
    int64_t size_bytes;                 /* of the image */
    uint8_t sha256[SHA256_BYTES];       /* of the image */
    int64_t stored_bytes;               /* of the frame */
};
/* Reads in_fd to its end and writes the frame to out_fd, both from where they stand. size_bytes is what the file is said to have; another
 * length is a failure. The same image and level always give the same frame. read_bytes(arg, n) is told of progress; false stops. */
MUST_USE enum error_code compress_image(int in_fd, int64_t size_bytes, int level, int out_fd, bool (*read_bytes)(void *arg, int64_t bytes), void *arg,
                                        struct compress_result *ret_result, struct problem *ret_problem);
/* The same without compression: a copy. */
MUST_USE enum error_code copy_image(int in_fd, int64_t size_bytes, int out_fd, bool (*read_bytes)(void *arg, int64_t bytes), void *arg,
                                    struct compress_result *ret_result, struct problem *ret_problem);
