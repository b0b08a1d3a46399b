/* Writes a package: metadata sections, then payloads, then header and CRC. The file appears under its name only when it is whole (temporary
 * name in the same folder, fsync, rename). Failures stick: check once, at package_writer_finish. */
#pragma once

#include "firmware/package_file.h"
#include "firmware/signature.h"

struct package_writer;
/* flags of enum package_flag. NULL: out of memory; a file that cannot be made is said at finish. */
struct package_writer *package_writer_new(const char *path, uint32_t flags);
void package_writer_free(struct package_writer *writer);   /* removes what was not finished; NULL is fine */
/* In the order of the format. */
void package_writer_section(struct package_writer *writer, enum section_type type, const void *bytes, size_t length);
void package_writer_signature(struct package_writer *writer, enum section_type type, const struct signature *signature);
/* length is of the whole value; exactly that many bytes must follow. After the first payload no metadata section may come. */
void package_writer_begin_payload(struct package_writer *writer, unsigned component, int64_t length);
void package_writer_payload(struct package_writer *writer, const void *bytes, size_t length);
void package_writer_payload_fd(struct package_writer *writer, int fd, int64_t offset, int64_t length);
/* Copies of another package: every metadata section but those of the types in skip (bits: 1 << type); all payload sections. */
void package_writer_copy_metadata(struct package_writer *writer, const struct package_file *file, uint32_t skip);
void package_writer_copy_payloads(struct package_writer *writer, const struct package_file *file);
MUST_USE enum error_code package_writer_finish(struct package_writer *writer, struct problem *ret_problem);
