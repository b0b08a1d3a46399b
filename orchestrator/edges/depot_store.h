/* Where packages lie: <data_dir>/artifacts/<aa>/<sha256>, parts of uploads in <data_dir>/uploads/<sha256>.part.
 * A path is only ever made from 64 checked hex digits. What is in artifacts/ is whole and never changes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/sha256.h"

#define DEPOT_PATH_SIZE 512

struct depot {
    char folder[DEPOT_PATH_SIZE - 160];   /* data_dir */
};

/* Makes the folders and removes parts that nobody has added to for a day. */
MUST_USE enum drover_error depot_open(struct depot *depot, const char *data_dir, struct problem *ret_problem);

/* sha256 must be 64 lower-case hex digits; anything else makes the empty path, which no file has. */
void depot_artifact_path(const struct depot *depot, const char *sha256, char ret[DEPOT_PATH_SIZE]);
void depot_part_path(const struct depot *depot, const char *sha256, char ret[DEPOT_PATH_SIZE]);

/* DROVER_NOT_FOUND when it is not in the depot. */
MUST_USE enum drover_error depot_size(const struct depot *depot, const char *sha256, int64_t *ret_bytes);

/* For reading; the descriptor is the caller's. Links and what is no regular file are not there: DROVER_NOT_FOUND; else DROVER_IO. */
MUST_USE enum drover_error depot_artifact_open(const struct depot *depot, const char *sha256, int *ret_fd, int64_t *ret_bytes);

/* Moves a finished and synced part to its place, so that it survives a power cut. */
MUST_USE enum drover_error depot_take_part(const struct depot *depot, const char *sha256);

/* --- open packages of one HTTP thread: many downloads of a package share one file descriptor --- */
struct evbuffer;
struct evbuffer_file_segment;
#define DEPOT_OPEN_MAX 16

struct depot_files {
    const struct depot *depot;
    struct depot_file {
        char sha256[SHA256_HEX_SIZE];
        int64_t size_bytes;
        struct evbuffer_file_segment *segment;   /* NULL: this place is free */
        uint64_t used;                           /* larger: used later */
    } files[DEPOT_OPEN_MAX];
    uint64_t clock;
};
void depot_files_init(struct depot_files *files, const struct depot *depot);
void depot_files_done(struct depot_files *files);
/* The package, opened if need be; it stays until the next call. DROVER_NOT_FOUND, _IO, _MEMORY. */
MUST_USE enum drover_error depot_files_find(struct depot_files *files, const char *sha256, const struct depot_file **ret_file);
/* Adds bytes of the package to body without copying them. For a plain socket body has EVBUFFER_FLAG_DRAINS_TO_FD and goes by sendfile; for
 * TLS it must not have it, or libevent 2.1 would send memory that is not the file's: then the file is mapped. Artifacts never shrink.
 * piece_bytes: the longest chain, because libevent hands OpenSSL whole chains and sees progress only between them; 0: no limit.
 * False: out of memory. */
bool depot_files_add(struct depot_files *files, const struct depot_file *file, int64_t start, int64_t length, int64_t piece_bytes,
                     struct evbuffer *body);
