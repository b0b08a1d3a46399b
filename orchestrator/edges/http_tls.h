/* TLS of one listener: the context that new connections get, made from files and made again while connections stand; and what a verified
 * client certificate says of its owner. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

struct ssl_ctx_st;   /* SSL_CTX and SSL of OpenSSL */
struct ssl_st;

enum http_tls_client { HTTP_TLS_CLIENT_OFF, HTTP_TLS_CLIENT_OPTIONAL, HTTP_TLS_CLIENT_REQUIRED };
enum http_tls_min { HTTP_TLS_1_3, HTTP_TLS_1_2 };

struct http_tls_settings {
    const char *name;           /* of the settings, for problems: "http" makes "http.tls_key" */
    const char *certificate;    /* PEM, the server's first, then the chain */
    const char *key;            /* PEM without a passphrase; "": in the file of the certificate */
    const char *client_ca;      /* PEM; "": no client certificates */
    const char *client_crl;     /* PEM, a list of each authority in the chain; "": none is looked at */
    enum http_tls_client client;
    enum http_tls_min min;
};

struct http_tls;
/* Everything is copied. Freed with http_tls_free (NULL is fine) after the threads that use it have ended. */
MUST_USE enum drover_error http_tls_new(const struct http_tls_settings *settings, struct http_tls **ret_tls, struct problem *ret_problem);
void http_tls_free(struct http_tls *tls);

/* The files once more, as they are now. http_tls_take then gives the result to connections that come from now on and takes it over; those
 * that stand keep theirs. What is not taken is freed with http_tls_drop. One thread at a time. */
MUST_USE enum drover_error http_tls_read(const struct http_tls *tls, struct ssl_ctx_st **ret_context, struct problem *ret_problem);
void http_tls_take(struct http_tls *tls, struct ssl_ctx_st *context);
void http_tls_drop(struct ssl_ctx_st *context);

/* For a new connection, from any thread. NULL: out of memory. *ret_generation: grows with every http_tls_take. */
struct ssl_st *http_tls_accept(struct http_tls *tls, unsigned *ret_generation);
unsigned http_tls_generation(const struct http_tls *tls);
int64_t http_tls_expires_s(struct http_tls *tls);   /* the server's certificate, unix */

enum http_tls_peer {
    HTTP_TLS_NOBODY,     /* no certificate */
    HTTP_TLS_NAMELESS,   /* a good one that names no id of ours, or more than one */
    HTTP_TLS_NAMED,
};
/* Whose certificate was verified: the last segment of its only SPIFFE URI, or, where it has none, its only common name; an id. */
enum http_tls_peer http_tls_peer(const struct ssl_st *ssl, char ret_identity[ID_SIZE]);
/* Why a handshake that ended badly did so. *ret_certificate: the client's certificate, or that there is none, was the reason. */
const char *http_tls_why(const struct ssl_st *ssl, unsigned long error, bool *ret_certificate);
