/* The staging file: the package as far as it is there, byte for byte at its place, with what of it is proved. Nothing is written down about that:
 * after a restart the bytes are proved again, so a power cut can lose bytes but never make wrong ones count. (SHA-256 of what is there costs less
 * than syncing a list of it for every chunk.) Beside it lies NAME.id, which says of which package the bytes are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/fetch_http.h"
#include "common/error.h"
#include "common/sha256.h"
#include "firmware/package_chunks.h"
#include "firmware/package_head.h"

struct fetch_piece {
    uint32_t have_bytes;               /* from its beginning on */
    uint8_t state;                     /* enum piece_state */
    uint8_t wrong_count;               /* times its bytes were all there and wrong */
};
enum piece_state { PIECE_MISSING, PIECE_ASKED, PIECE_PROVED };

struct fetch_staging {
    char *path;                        /* owned */
    char *name;                        /* in path */
    int folder_fd, fd;
    char sha256[SHA256_HEX_SIZE];
    int64_t size_bytes;
    const struct package_policy *policy;
    const struct recipient_keys *keys;

    int64_t head_have_bytes;           /* of header and metadata, until they are proved */
    int64_t head_bytes;                /* how many they are; of the header alone until it was read */
    bool has_head, trust_new;
    struct package_head head;
    struct trust trust;                /* came with the package, when trust_new */

    struct package_chunks *chunks;     /* from here on: with the head */
    unsigned piece_count, proved_count, resume_next;
    struct fetch_piece *pieces;        /* owned */
    unsigned wrong_most;               /* how often the bytes of one piece were wrong, at most */
    int64_t proved_bytes, written_bytes;   /* written: since the start, what was there before not counted again */

    struct sha256 *whole;              /* of the file, when all pieces are proved */
    int64_t whole_bytes;
};

/* Opens or makes the file; what belongs to another package is thrown away. E_NO_SPACE, E_INSTALL, E_INTERNAL. Ended with staging_done. */
MUST_USE enum error_code staging_open(struct fetch_staging *staging, const char *path, const char *sha256, int64_t size_bytes, const struct package_policy *policy,
                                      const struct recipient_keys *keys, struct problem *ret_problem);
void staging_done(struct fetch_staging *staging);     /* the file stays */
/* Forgets everything and begins anew with an empty file. */
MUST_USE enum error_code staging_empty(struct fetch_staging *staging, struct problem *ret_problem);
/* The file and NAME.id are gone. */
void staging_remove(struct fetch_staging *staging);

/* What the file holds from before: first its head (one that is cut or refused
 * empties the file: it is small), then with each call some chunks. *ret_over: everything was looked at. */
MUST_USE enum error_code staging_resume_head(struct fetch_staging *staging, struct problem *ret_problem);
MUST_USE enum error_code staging_resume_some(struct fetch_staging *staging, bool *ret_over, struct problem *ret_problem);

/* The next bytes worth a request: of the head, or of missing pieces in a row up to about target_bytes, which are then ASKED. False: nothing is missing
 * that was not asked for. */
bool staging_next(struct fetch_staging *staging, int64_t target_bytes, struct http_span *ret_span);
/* The request for this span is over: what it did not bring may be asked for again. */
void staging_give_back(struct fetch_staging *staging, struct http_span span);
/* Bytes of the package from offset on. Written when they are the next ones of the head or of a piece, skipped when they are there already; what
 * becomes complete is proved: the head by the policy before any byte behind it is taken. */
MUST_USE enum error_code staging_arrived(struct fetch_staging *staging, int64_t offset, const void *bytes, size_t length, struct problem *ret_problem);
bool staging_is_proved(const struct fetch_staging *staging);

/* With each call a part of the whole file's SHA-256; then it is on disk. E_SHA256: it has another one. */
MUST_USE enum error_code staging_whole_some(struct fetch_staging *staging, bool *ret_over, struct problem *ret_problem);

/* Between fetch_staging.c and fetch_pieces.c. */
MUST_USE enum error_code staging_write(struct fetch_staging *staging, int64_t offset, const void *bytes, size_t length, struct problem *ret_problem);
MUST_USE enum error_code staging_failed(const char *what, struct problem *ret_problem);   /* from errno: E_NO_SPACE or E_INSTALL */
MUST_USE enum error_code pieces_init(struct fetch_staging *staging, struct problem *ret_problem);
MUST_USE enum error_code pieces_arrived(struct fetch_staging *staging, int64_t offset, const uint8_t *bytes, size_t length, size_t *ret_taken,
                                        struct problem *ret_problem);
void pieces_done(struct fetch_staging *staging);
