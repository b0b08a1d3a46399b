/* An encrypted package, the keys that open it, and its parts, for the tests of encryption. */
#pragma once

#include "package_fixture.h"

#include "firmware/chunk_cipher.h"
#include "firmware/package_encrypt.h"
#include "firmware/package_file.h"

#define APP_BYTES (3 * CHUNK_BYTES_MIN + 100)
#define DATA_BYTES (2 * CHUNK_BYTES_MIN)
#define SEALED_CHUNK_BYTES (CHUNK_BYTES_MIN + CHUNK_TAG_BYTES)

extern const uint8_t fixture_model_keys[2][CONTENT_KEY_BYTES];
struct recipient_keys fixture_model(unsigned which);   /* opens with that model key alone */

/* A signed package of two uncompressed components, app and data; the seed makes its images and so its manifest. The path is valid as
 * fixture_path's is. */
const char *encrypted_plain(const struct fixture *fixture, const char *name, uint64_t seed);
/* Encrypts for model key 0 and, when not NULL, a public key. */
void encrypted_make(const char *from, const char *to, const struct public_key *key);

struct bytes encrypted_bytes(const char *path);
void encrypted_write(const char *path, const struct bytes *package);
/* Where the value of the component's payload section begins in the package. */
size_t encrypted_part(const char *path, unsigned component);
