/* TLS of the simulated devices: one authority for broker and depot, and a certificate of its own for each device, as files <id>.pem and <id>.key
 * in one folder (deploy/pki makes such). They are read at each connection, so a renewed one counts from then on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct ssl_st;
struct tls;

#define TLS_PATH_SIZE 512

/* ca_file: "": the system's authorities. folder: "": no device shows a certificate. Both are copied. NULL: *ret_problem says why. */
struct tls *tls_new(const char *ca_file, const char *folder, struct problem *ret_problem);
void tls_free(struct tls *tls);   /* NULL is fine */

/* A session for one connection of this device to `host` (a name or an address), which the other side's certificate must be for; the caller's. NULL:
 * the device's certificate or key cannot be read or do not belong together, or there is no memory. */
struct ssl_st *tls_session(struct tls *tls, const char *device, const char *host);

/* Where they are, for who reads them itself; "": none. */
const char *tls_ca_file(const struct tls *tls);
struct tls_paths {
    char certificate[TLS_PATH_SIZE], key[TLS_PATH_SIZE];
};
MUST_USE bool tls_paths(const struct tls *tls, const char *device, struct tls_paths *ret_paths);   /* false: none, or too long */
