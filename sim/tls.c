/* One SSL_CTX for all devices; what is a device's own is put into the session of each connection. */
#include "sim/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

struct tls {
    SSL_CTX *context;
    char ca_file[TLS_PATH_SIZE], folder[TLS_PATH_SIZE];
};

static bool context_make(struct tls *tls)
{
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
        return false;
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls->context, SSL_MODE_RELEASE_BUFFERS); /* 20,000 idle connections */
    return (tls->ca_file[0] ? SSL_CTX_load_verify_locations(tls->context, tls->ca_file, NULL) : SSL_CTX_set_default_verify_paths(tls->context)) == 1;
}

struct tls *tls_new(const char *ca_file, const char *folder, struct problem *ret_problem)
{
    struct tls *tls = calloc(1, sizeof *tls);

    if (tls && text_copy(tls->ca_file, sizeof tls->ca_file, ca_file) && text_copy(tls->folder, sizeof tls->folder, folder) && context_make(tls))
        return tls;
    ERR_clear_error();
    tls_free(tls);
    (void)problem_set(ret_problem, DROVER_IO, "--ca", "'%s' holds no certificates that can be read", ca_file);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

const char *tls_ca_file(const struct tls *tls)
{
    return tls->ca_file;
}

bool tls_paths(const struct tls *tls, const char *device, struct tls_paths *ret_paths)
{
    return tls->folder[0] && device[0] &&
           (size_t)snprintf(ret_paths->certificate, TLS_PATH_SIZE, "%s/%s.pem", tls->folder, device) < TLS_PATH_SIZE &&
           (size_t)snprintf(ret_paths->key, TLS_PATH_SIZE, "%s/%s.key", tls->folder, device) < TLS_PATH_SIZE;
}

static bool identity_take(const struct tls *tls, SSL *session, const char *device)
{
    struct tls_paths paths;

    if (!tls->folder[0])
        return true;
    return tls_paths(tls, device, &paths) && SSL_use_certificate_chain_file(session, paths.certificate) == 1 &&
           SSL_use_PrivateKey_file(session, paths.key, SSL_FILETYPE_PEM) == 1 && SSL_check_private_key(session) == 1;
}

static bool host_expect(SSL *session, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1)
        return true;
    return SSL_set1_host(session, host) == 1 && SSL_set_tlsext_host_name(session, host) == 1;
}

SSL *tls_session(struct tls *tls, const char *device, const char *host)
{
    SSL *session = SSL_new(tls->context);

    if (session && identity_take(tls, session, device) && host_expect(session, host)) {
        ERR_clear_error(); /* that an address is no name stands there, and would be taken for an error of the connection */
        return session;
    }
    ERR_clear_error();
    SSL_free(session);
    return NULL;
}
