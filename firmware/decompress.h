/* Inside firmware/ only: one zstd frame as a stream, bounded by the size that was signed. */
#pragma once

#include "firmware/format.h"

#define IMAGE_WINDOW_LOG 18   /* 256 KiB: what a reader must hold to decompress an image */

typedef enum error_code (*decompressed)(void *arg, const void *bytes, size_t length, struct problem *ret_problem);

struct decompress;
struct decompress *decompress_new(void);              /* NULL: out of memory */
void decompress_free(struct decompress *decompress);  /* NULL is fine */
/* The next image: of exactly size_bytes. */
void decompress_begin(struct decompress *decompress, int64_t size_bytes);
/* Passes what comes out on to out, at most size_bytes in all. E_INCOMPATIBLE: no zstd frame, or one that needs a larger window;
 * E_SHA256: it holds more than size_bytes, so it is not the signed image. Failures of out are returned as they are. */
MUST_USE enum error_code decompress_feed(struct decompress *decompress, const void *bytes, size_t length, decompressed out, void *arg, struct problem *ret_problem);
/* The frame must be complete and have held size_bytes. */
MUST_USE enum error_code decompress_end(struct decompress *decompress, struct problem *ret_problem);
