/* The metadata of a package: everything before the payload. Reading checks structure only; checking proves it, in the documented order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "firmware/delta_doc.h"
#include "firmware/format.h"
#include "firmware/manifest.h"
#include "firmware/recipient.h"
#include "firmware/signature.h"
#include "firmware/trust.h"

struct package_head {
    struct package_header header;
    struct manifest manifest;
    uint8_t manifest_sha256[SHA256_BYTES];
    char *manifest_bytes;              /* owned: exactly what was signed */
    size_t manifest_length;
    unsigned signature_count;
    struct signature *signatures;      /* owned */
    bool has_delta;
    struct delta_doc delta;
    uint8_t delta_sha256[SHA256_BYTES];
    char *delta_bytes;
    size_t delta_length;
    unsigned delta_signature_count;
    struct signature *delta_signatures;
    char *trust_bytes;                 /* a newer trust document it carries; NULL: none */
    size_t trust_length;
    unsigned recipient_count;
    struct recipient *recipients;      /* owned */
};

/* bytes are the first 64 + metadata_bytes of a package (package_header_read says how many). Freed with package_head_done. */
MUST_USE enum error_code package_head_read(const uint8_t *bytes, size_t length, struct package_head *ret_head, struct problem *ret_problem);
void package_head_done(struct package_head *head);

/* The payload section of a component as this package holds it: patch or full, before encryption. */
struct package_part {
    enum delta_algorithm algorithm;    /* DELTA_FULL in a full package */
    int64_t stored_bytes;
    int64_t section_bytes;             /* stored_bytes, and 16 a chunk when encrypted */
    int64_t chunk_bytes;
    uint32_t chunk_count;
    const uint8_t (*chunks)[SHA256_BYTES];
};
struct package_part package_head_part(const struct package_head *head, unsigned component);

/* What the package is held against. NULL and 0 members are not looked at, but for trust. */
struct package_policy {
    const struct trust *trust;         /* NULL: signatures are not checked; only for looking at a package */
    const char *model;
    const char *hw_rev;                /* "" is a device without one: fits only manifests without hw_revs */
    const char *current_version;       /* what runs: no older version without a permit; min_version */
    int64_t release_counter_min;       /* of what runs */
    const uint8_t *manifest_sha256;    /* as announced */
    const char *device_id, *rollout;   /* for permits */
    const char *permit;                /* JWS text; NULL: none */
    size_t permit_length;
    int64_t now_ms;                    /* 0: times are not checked */
    int64_t floor_ms;                  /* the clock is not believed below this */
};

/* Signatures, announced digest, model and hardware, version, expiry. When the package carries a newer trust document that policy->trust
 * accepts, *ret_trust is that store (trust_done), the package is checked against it and *ret_trust_new is true; keep head->trust_bytes then.
 * ret_trust NULL, or a store without root keys: such a document is not looked at. */
MUST_USE enum error_code package_head_check(const struct package_head *head, const struct package_policy *policy, struct trust *ret_trust, bool *ret_trust_new,
                                            struct problem *ret_problem);
