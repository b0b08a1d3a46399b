/* What the tests of packages share: a folder of their own, images, keys, a trust store, packages made, signed, damaged and mended. */
#pragma once

#include "../common/check.h"
#include "firmware/key.h"
#include "firmware/package_create.h"
#include "firmware/package_reader.h"
#include "proto/error_code.h"

#define FIXTURE_NOW_MS 1800000000000   /* the tests' today */
#define FIXTURE_DAY_MS 86400000

/* Says which code was got, with its words, when it is not the wanted one. */
#define CHECK_CODE(got, wanted, problem, row)                                                                                        \
    do {                                                                                                                             \
        enum error_code got_ = (got), wanted_ = (wanted);                                                                            \
        if (got_ != wanted_)                                                                                                         \
            fail_msg("row '%s': %s, not %s (%s: %s)", (row), got_ ? error_code_name(got_) : "E_NONE",                                \
                     wanted_ ? error_code_name(wanted_) : "E_NONE", got_ ? (problem).where : "", got_ ? (problem).what : "");       \
    } while (0)

/* Bytes of a whole package in memory. */
struct bytes {
    uint8_t *bytes;    /* owned */
    size_t length;
};
void bytes_done(struct bytes *bytes);
struct bytes bytes_copy(const struct bytes *bytes);

struct fixture {
    char folder[64];
    struct private_key *key, *second_key, *stranger;   /* the trust store knows the first two */
    struct trust trust;
};
int fixture_begin(void **state);   /* cmocka's group setup and teardown; *state is the fixture */
int fixture_end(void **state);

/* A path in the folder; valid until the call after the next three. */
const char *fixture_path(const struct fixture *fixture, const char *name);
/* An image of text-like bytes that compress (patterned) or not; the same seed gives the same bytes. */
void fixture_image(const struct fixture *fixture, const char *name, size_t length, uint64_t seed, bool compresses);

/* A plan for model esp32, version 1.1.0, counter 7, two components: app (zstd) and data (none), of the images app.img and data.img. */
struct package_plan fixture_plan(const struct fixture *fixture, const char *package);
/* Makes the plan's package and reads it. The plan's manifest is freed. */
struct bytes fixture_create(struct package_plan *plan);
/* The default plan's package, images made, signed by fixture->key. */
struct bytes fixture_package(const struct fixture *fixture);
/* The same package with a signature section in front of everything behind the manifest, by key over these bytes (NULL: the manifest's). */
struct bytes fixture_signed(const struct bytes *package, const struct private_key *key, const void *over, size_t over_length);
/* The same package with a metadata section added behind the last one of that type or a lower one. */
struct bytes fixture_with_section(const struct bytes *package, struct section section, const void *value);
/* A package with this manifest text in place of its own, unsigned, otherwise the same bytes. */
struct bytes fixture_with_manifest(const struct bytes *package, const char *text, size_t length);
/* Where the manifest's text lies. */
char *fixture_manifest(const struct bytes *package, size_t *ret_length);
/* Makes all three CRCs right again for what the bytes are now; fixture_mend the sizes in the header as well. */
void fixture_mend_crcs(struct bytes *package);
void fixture_mend(struct bytes *package);
/* A signed package of this manifest and these stored bytes, whatever they are. */
struct bytes fixture_of(const struct fixture *fixture, const struct manifest *manifest, const struct bytes *payloads, const struct private_key *key);

/* Policy: everything is checked; model esp32, hw_rev "", 1.0.0 runs with counter 5, today. */
struct package_policy fixture_policy(const struct fixture *fixture);

/* Counts what a reader hands out. */
struct fixture_sink {
    unsigned proved, begun, ended;
    int64_t bytes[PACKAGE_COMPONENTS_MAX];
    struct sha256 *sha256;              /* of the component being read; made by fixture_read */
    uint8_t digests[PACKAGE_COMPONENTS_MAX][SHA256_BYTES];
};
/* All bytes through a reader in pieces of `step` (0: all at once). */
enum error_code fixture_read(const struct bytes *package, size_t step, const struct package_policy *policy, const struct recipient_keys *keys,
                             struct fixture_sink *ret_sink, struct problem *ret_problem);
