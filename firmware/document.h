/* Inside firmware/ only: reading the signed JSON documents (manifest, delta description) member by member. The first thing wrong sticks
 * and is E_INCOMPATIBLE with the member it is in; everything after it does nothing. */
#pragma once

#include "common/json.h"
#include "firmware/format.h"

#define DOCUMENT_SCHEMA 1
#define IMAGE_BYTES_MAX ((int64_t)1 << 40)   /* of an image or what is stored of it; sums of 16 stay far below 2^53 */

struct document {
    struct json_flat flat;          /* the object being read */
    const char *prefix;             /* "components[3]." for problems; "" outside */
    enum error_code *code;          /* shared by a document and the objects in it */
    struct problem *problem;
};

/* Reads the outermost object: its first member must be "kind" with this value, and "schema" the one above. *code must be E_NONE. */
void document_begin(struct document *document, const char *bytes, size_t length, const char *kind, enum error_code *code, struct problem *problem);
/* An object inside; prefix must outlive it. */
void document_enter(struct document *ret_inner, const struct document *outer, const struct json_member *object, const char *prefix);
void document_fail(struct document *document, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);

void document_id(struct document *document, const char *name, char *ret);            /* ID_SIZE; required */
void document_text(struct document *document, const char *name, char *ret, size_t size);   /* required */
void document_version(struct document *document, const char *name, bool required, char *ret);   /* VERSION_SIZE */
void document_i64(struct document *document, const char *name, bool required, int64_t min, int64_t max, int64_t *ret);
void document_sha256(struct document *document, const char *name, uint8_t ret[SHA256_BYTES]);   /* required; lower-case hex */
void document_chunk_bytes(struct document *document, int64_t *ret);                  /* "chunk_size" */
/* A required array; empty when it is missing, which is a failure. */
struct json_array document_array(struct document *document, const char *name);

/* "chunks" of a component that stores stored_bytes: exactly as many digests as that takes, appended to *chunks (grown), count in *ret_count. */
void document_chunks(struct document *document, int64_t stored_bytes, int64_t chunk_bytes, uint8_t (**chunks)[SHA256_BYTES], uint32_t *total,
                     uint32_t *ret_first, uint32_t *ret_count);

/* Writing: a digest, and the digests of one component as an array. */
void document_put_sha256(struct json_writer *writer, const char *name, const uint8_t sha256[SHA256_BYTES]);
void document_put_chunks(struct json_writer *writer, const uint8_t (*chunks)[SHA256_BYTES], uint32_t count);
