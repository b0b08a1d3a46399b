/* The image that is being written: never past its size, digested as it grows, synced and noted in the journal every few MiB. What the journal
 * says is on disk already is checked by its digest and not written again. Inside firmware/ only. */
#pragma once

#include "firmware/patch_journal.h"

struct patch_output_target {
    int fd;                          /* borrowed; open for reading too when there is a journal or it is mapped */
    const char *journal_path;        /* borrowed; NULL or "": none. Needs target.out_sha256 */
    struct patch_journal_target target;   /* digests are borrowed */
};

struct patch_output;
MUST_USE enum error_code patch_output_new(const struct patch_output_target *target, struct patch_output **ret_output, struct problem *ret_problem);
void patch_output_free(struct patch_output *output);   /* NULL is fine; the journal stays */

int64_t patch_output_at(const struct patch_output *output);     /* bytes so far */
int64_t patch_output_left(const struct patch_output *output);
/* Bytes before it were found on disk: what is added there is not looked at. */
int64_t patch_output_mark(const struct patch_output *output);
/* Why nothing was found: a text, or NULL when something was. */
const char *patch_output_why(const struct patch_output *output);

/* E_SHA256 when it would grow past its size. */
MUST_USE enum error_code patch_output_add(struct patch_output *output, const uint8_t *bytes, size_t length, struct problem *ret_problem);
/* Everything up to the mark was found; nothing else is needed. */
void patch_output_skip_found(struct patch_output *output);
/* The same for bytes that are there already, in the mapping. */
MUST_USE enum error_code patch_output_took(struct patch_output *output, const uint8_t *bytes, size_t length, struct problem *ret_problem);
/* All of the output as memory, its blocks allocated before (E_NO_SPACE instead of a signal later). Unmapped by patch_output_free. */
MUST_USE enum error_code patch_output_map(struct patch_output *output, uint8_t **ret_bytes, struct problem *ret_problem);
/* Its size and digest must be right; synced. With keep_journal the journal says that all of it is on disk, otherwise it is removed. */
MUST_USE enum error_code patch_output_end(struct patch_output *output, bool keep_journal, struct problem *ret_problem);
