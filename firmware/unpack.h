/* From a stream of package bytes to images on disk: proves, decrypts, decompresses, applies deltas, and can go on after a power cut. What the
 * agent and `drover package extract|apply` use. */
#pragma once

#include "firmware/package_reader.h"

/* Where a component's image goes, and where the base's lies. Asked after the metadata was proved. */
struct unpack_place {
    int out_fd;                    /* taken; written from out_offset on */
    int64_t out_offset;
    int base_fd;                   /* taken; -1: there is none (E_DELTA_BASE for a patch) */
    char journal_path[512];        /* "": not resumable */
};
struct unpack_places {
    enum error_code (*find)(void *arg, const struct package_head *head, unsigned component, struct unpack_place *ret_place, struct problem *ret_problem);
    void *arg;
};

struct unpack;
/* As package_reader_new. */
struct unpack *unpack_new(const struct package_policy *policy, const struct recipient_keys *keys, const struct unpack_places *places);
void unpack_free(struct unpack *unpack);   /* NULL is fine */
MUST_USE enum error_code unpack_feed(struct unpack *unpack, const void *bytes, size_t length, struct problem *ret_problem);
/* Everything is proved, written and synced. */
MUST_USE enum error_code unpack_end(struct unpack *unpack, struct problem *ret_problem);
const struct package_reader *unpack_reader(const struct unpack *unpack);
/* A whole file or pipe. */
MUST_USE enum error_code unpack_fd(int fd, const struct package_policy *policy, const struct recipient_keys *keys, const struct unpack_places *places,
                                   const struct package_progress *progress, struct problem *ret_problem);
