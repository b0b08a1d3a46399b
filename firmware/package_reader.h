/* A package from a pipe: bytes are pushed in, proved images come out. Memory stays under 1 MiB and one chunk whatever the package's size.
 * Nothing reaches the sink before the metadata has been proved, and no byte of a chunk before the chunk's digest. */
#pragma once

#include "firmware/package_head.h"
#include "firmware/recipient.h"

/* Every function returns E_NONE to go on. Bytes of a component: its image (decompressed), or for DELTA_BSDIFF and DELTA_ZSTD its patch. */
struct package_sink {
    enum error_code (*proved)(void *arg, const struct package_head *head, struct problem *ret_problem);                 /* 1 once; may be NULL */
    enum error_code (*begin)(void *arg, unsigned component, struct problem *ret_problem);                               /* 2 each component; may be NULL */
    enum error_code (*data)(void *arg, unsigned component, const void *bytes, size_t length, struct problem *ret_problem);
    enum error_code (*end)(void *arg, unsigned component, struct problem *ret_problem);                                 /* its digest was right; may be NULL */
    void *arg;
};

struct package_reader;
/* policy, keys and sink are copied; what they point to must outlive the reader. keys NULL: encrypted packages are E_DECRYPT. NULL: out of memory. */
struct package_reader *package_reader_new(const struct package_policy *policy, const struct recipient_keys *keys, const struct package_sink *sink);
void package_reader_free(struct package_reader *reader);   /* NULL is fine */
/* Any number of bytes at a time. After a failure every further call fails the same way. Bytes behind the package's end are E_CRC. */
MUST_USE enum error_code package_reader_feed(struct package_reader *reader, const void *bytes, size_t length, struct problem *ret_problem);
/* The input is over: E_CRC when something is missing, otherwise everything was proved. */
MUST_USE enum error_code package_reader_end(struct package_reader *reader, struct problem *ret_problem);
/* After `proved`: the head, NULL before. `proved` sees all of it; afterwards its raw bytes, signatures, recipients and, in a delta package, the
 * manifest's chunk digests are gone. A newer trust store that came with it, NULL when none did. */
const struct package_head *package_reader_head(const struct package_reader *reader);
const struct trust *package_reader_trust(const struct package_reader *reader);

/* A whole file or pipe through a reader. When fd is seekable the CRC of everything comes before the signature, as documented; total < 0
 * for progress means: not known. */
MUST_USE enum error_code package_verify(int fd, const struct package_policy *policy, const struct recipient_keys *keys, const struct package_sink *sink,
                                        const struct package_progress *progress, struct problem *ret_problem);
