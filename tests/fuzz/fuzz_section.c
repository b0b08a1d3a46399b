/* Any bytes as the metadata of a package under a header that fits them, so that the walker and the documents see them: byte 0 the flags,
 * 1 and 2 the numbers of sections, 3 to 6 the payload's size, then the sections. */
#include "fuzz.h"

#include <zlib.h>

#include "firmware/package_head.h"
#include "firmware/package_metadata.h"

#define PREFIX 7

/* Pushed in by pieces of `step` bytes it must end alike. */
static void pieces_try(const struct package_header *header, const uint8_t *bytes, size_t step, enum error_code wanted)
{
    struct package_metadata metadata;
    struct package_head head;

    package_metadata_init(&metadata, header);
    for (size_t at = 0; at < header->metadata_bytes; at += step)
        package_metadata_feed(&metadata, bytes + at, header->metadata_bytes - at < step ? header->metadata_bytes - at : step);
    MUST(metadata.left == 0);
    MUST(package_metadata_end(&metadata, &head, NULL) == wanted);
    package_metadata_done(&metadata);
    if (wanted == E_NONE)
        package_head_done(&head);
}

static void head_use(const struct package_head *head)
{
    struct package_policy policy = {.model = "esp32", .hw_rev = "", .current_version = "1.0.0", .release_counter_min = 5, .now_ms = 1800000000000};
    uint64_t sum = 0;

    (void)package_head_check(head, &policy, NULL, NULL, NULL);
    for (unsigned i = 0; i < head->manifest.component_count; i++) {
        struct package_part part = package_head_part(head, i);

        MUST(part.chunk_count == 0 || part.chunks);
        MUST(part.stored_bytes <= part.chunk_count * part.chunk_bytes && part.section_bytes >= part.stored_bytes);
        sum += SECTION_HEADER_BYTES + (uint64_t)part.section_bytes;
    }
    MUST(sum == head->header.payload_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct package_header header = {0};
    struct problem problem = {0};
    struct package_head head;
    enum error_code code;
    uint8_t *whole;

    if (length < PREFIX || length - PREFIX > PACKAGE_METADATA_MAX)
        return 0;
    header.flags = bytes[0] & (PACKAGE_DELTA | PACKAGE_ENCRYPTED);
    header.metadata_sections = bytes[1];
    header.payload_sections = bytes[2] % (PACKAGE_COMPONENTS_MAX + 1);
    header.payload_bytes = bytes[3] | (uint64_t)bytes[4] << 8 | (uint64_t)bytes[5] << 16 | (uint64_t)bytes[6] << 24;
    header.metadata_bytes = (uint32_t)(length - PREFIX);
    header.package_bytes = PACKAGE_HEADER_BYTES + header.metadata_bytes + header.payload_bytes + PACKAGE_TRAILER_BYTES;
    header.metadata_crc32 = (uint32_t)crc32_z(0, bytes + PREFIX, length - PREFIX);
    whole = malloc(PACKAGE_HEADER_BYTES + length - PREFIX);
    MUST(whole);
    package_header_write(&header, whole);
    memcpy(whole + PACKAGE_HEADER_BYTES, bytes + PREFIX, length - PREFIX);
    code = package_head_read(whole, PACKAGE_HEADER_BYTES + length - PREFIX, &head, &problem);
    MUST(code == E_NONE || (problem.where[0] && problem.what[0]));
    pieces_try(&header, bytes + PREFIX, 1 + bytes[1] % 37, code);
    if (code == E_NONE) {
        head_use(&head);
        package_head_done(&head);
    }
    free(whole);
    return 0;
}
