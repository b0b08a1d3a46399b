/* Inside firmware/ only: the TLV walker. Metadata bytes are pushed in, in pieces of any size, and end as a head; no byte is held twice,
 * sections of types we do not know are not held at all. */
#pragma once

#include "firmware/package_head.h"

struct package_metadata {
    struct package_head head;                       /* grows */
    uint64_t left;                                  /* metadata bytes still to come */
    uint32_t crc32;                                 /* of what came */
    unsigned sections;                              /* that began */
    uint16_t last_type;
    uint8_t section_header[SECTION_HEADER_BYTES];
    size_t section_header_length;
    struct section section;                         /* being read, when its header is complete */
    uint64_t value_length;                          /* of its value so far */
    char *value;                                    /* NULL: skipped */
    enum error_code code;                           /* the first thing wrong; said only when the CRC is right */
    struct problem problem;
};

void package_metadata_init(struct package_metadata *metadata, const struct package_header *header);
void package_metadata_done(struct package_metadata *metadata);
/* At most metadata->left bytes. */
void package_metadata_feed(struct package_metadata *metadata, const uint8_t *bytes, size_t length);
/* Everything came: CRC, then structure, then the documents and whether they agree. On E_NONE the head is the caller's. */
MUST_USE enum error_code package_metadata_end(struct package_metadata *metadata, struct package_head *ret_head, struct problem *ret_problem);

/* The head's documents are there as bytes: reads them and checks that they, the header and each other agree. */
MUST_USE enum error_code package_head_documents(struct package_head *head, struct problem *ret_problem);

/* The header of component's payload section must be exactly this. */
struct section package_payload_section(const struct package_head *head, unsigned component);
MUST_USE enum error_code package_payload_check(const struct package_head *head, unsigned component, const uint8_t bytes[SECTION_HEADER_BYTES],
                                               struct problem *ret_problem);
