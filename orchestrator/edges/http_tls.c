/* See http_tls.h. */
#include "orchestrator/edges/http_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CLIENT_CHAIN_BYTES 32768   /* of certificates, from somebody who has proved nothing yet */
#define CLIENT_CHAIN_DEPTH 4
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"   /* of TLS 1.2: forward secret and authenticated only */

struct http_tls {
    char *name, *certificate, *key, *client_ca, *client_crl;
    enum http_tls_client client;
    enum http_tls_min min;
    pthread_mutex_t lock;          /* of context, for as long as taking a hold takes */
    SSL_CTX *context;
    atomic_uint generation;
};

/* --- a context from the files --- */

static enum drover_error file_problem(const struct http_tls *tls, const char *setting, const char *path, struct problem *ret_problem)
{
    char where[64];
    unsigned long error = ERR_peek_last_error();
    const char *why = ERR_reason_error_string(error);
    snprintf(where, sizeof where, "%s.%s", tls->name, setting);
    ERR_clear_error();
    return problem_set(ret_problem, DROVER_IO, where, "%.100s: %s", path, why != NULL ? why : "cannot be used");
}

/* A key with a passphrase is refused; nobody sits at a terminal. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

/* HTTP/1.1 or nothing: who speaks only another protocol must not be answered in this one (RFC 7301, 3.2). */
static int protocol_chosen(SSL *ssl, const unsigned char **ret, unsigned char *ret_length, const unsigned char *offered, unsigned length, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, ret_length, ours, sizeof ours - 1, offered, length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool rules_set(const struct http_tls *tls, SSL_CTX *context)
{
    static const unsigned char session_name[] = "drover";
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, protocol_chosen, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_max_cert_list(context, CLIENT_CHAIN_BYTES);
    return SSL_CTX_set_min_proto_version(context, tls->min == HTTP_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, CIPHERS_1_2) == 1 &&
           SSL_CTX_set_session_id_context(context, session_name, sizeof session_name - 1) == 1;
}

static enum drover_error own_files_read(const struct http_tls *tls, SSL_CTX *context, struct problem *ret_problem)
{
    const char *key = tls->key[0] != '\0' ? tls->key : tls->certificate;
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1)
        return file_problem(tls, "tls_certificate", tls->certificate, ret_problem);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1)
        return file_problem(tls, "tls_key", key, ret_problem);
    return DROVER_OK;
}

/* Lists of each authority are looked at, so that an intermediate one can be revoked, too. */
static enum drover_error crl_read(const struct http_tls *tls, SSL_CTX *context, struct problem *ret_problem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == NULL || X509_load_crl_file(lookup, tls->client_crl, X509_FILETYPE_PEM) < 1 ||
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
        return file_problem(tls, "tls_client_crl", tls->client_crl, ret_problem);
    return DROVER_OK;
}

/* No session is taken up again where clients show certificates: each connection is checked against the lists of its time. */
static enum drover_error client_files_read(const struct http_tls *tls, SSL_CTX *context, struct problem *ret_problem)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(tls->client_ca);
    if (names == NULL || SSL_CTX_load_verify_file(context, tls->client_ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return file_problem(tls, "tls_client_ca", tls->client_ca, ret_problem);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (tls->client == HTTP_TLS_CLIENT_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(context, CLIENT_CHAIN_DEPTH);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(context, 0);
    return tls->client_crl[0] != '\0' ? crl_read(tls, context, ret_problem) : DROVER_OK;
}

enum drover_error http_tls_read(const struct http_tls *tls, struct ssl_ctx_st **ret_context, struct problem *ret_problem)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || !rules_set(tls, context)) {
        SSL_CTX_free(context);
        return problem_set(ret_problem, DROVER_MEMORY, tls->name, "TLS cannot be set up");
    }
    enum drover_error error = own_files_read(tls, context, ret_problem);
    if (error == DROVER_OK && tls->client != HTTP_TLS_CLIENT_OFF)
        error = client_files_read(tls, context, ret_problem);
    if (error != DROVER_OK) {
        SSL_CTX_free(context);
        return error;
    }
    *ret_context = context;
    return DROVER_OK;
}

/* --- life --- */

enum drover_error http_tls_new(const struct http_tls_settings *settings, struct http_tls **ret_tls, struct problem *ret_problem)
{
    struct http_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return problem_set(ret_problem, DROVER_MEMORY, settings->name, "out of memory");
    pthread_mutex_init(&tls->lock, NULL);
    tls->name = strdup(settings->name);
    tls->certificate = strdup(settings->certificate);
    tls->key = strdup(settings->key);
    tls->client_ca = strdup(settings->client_ca);
    tls->client_crl = strdup(settings->client_crl);
    tls->client = settings->client;
    tls->min = settings->min;
    enum drover_error error = DROVER_OK;
    if (tls->name == NULL || tls->certificate == NULL || tls->key == NULL || tls->client_ca == NULL || tls->client_crl == NULL)
        error = problem_set(ret_problem, DROVER_MEMORY, settings->name, "out of memory");
    if (error == DROVER_OK)
        error = http_tls_read(tls, &tls->context, ret_problem);
    if (error != DROVER_OK) {
        http_tls_free(tls);
        return error;
    }
    *ret_tls = tls;
    return DROVER_OK;
}

void http_tls_free(struct http_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    (void)pthread_mutex_destroy(&tls->lock);
    free(tls->name);
    free(tls->certificate);
    free(tls->key);
    free(tls->client_ca);
    free(tls->client_crl);
    free(tls);
}

void http_tls_take(struct http_tls *tls, struct ssl_ctx_st *context)
{
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *before = tls->context;
    tls->context = context;
    atomic_fetch_add(&tls->generation, 1);
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(before);   /* connections made with it hold it */
}

void http_tls_drop(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

struct ssl_st *http_tls_accept(struct http_tls *tls, unsigned *ret_generation)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->context);
    *ret_generation = atomic_load(&tls->generation);
    pthread_mutex_unlock(&tls->lock);
    return ssl;
}

unsigned http_tls_generation(const struct http_tls *tls)
{
    return atomic_load_explicit(&tls->generation, memory_order_relaxed);
}

int64_t http_tls_expires_s(struct http_tls *tls)
{
    int days = 0, seconds = 0;
    pthread_mutex_lock(&tls->lock);
    const X509 *own = SSL_CTX_get0_certificate(tls->context);
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool known = own != NULL && epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(own)) == 1;
    pthread_mutex_unlock(&tls->lock);
    ASN1_TIME_free(epoch);
    return known ? (int64_t)days * 86400 + seconds : 0;
}

/* --- who is at the other end --- */

static bool identity_copy(const char *bytes, size_t length, char ret[ID_SIZE])
{
    return text_is_id(bytes, length) && text_copy_n(ret, ID_SIZE, bytes, length);
}

/* "spiffe://trust-domain/any/path/ID": what stands behind the last slash. */
static bool spiffe_read(const ASN1_IA5STRING *uri, char ret[ID_SIZE])
{
    const char *bytes = (const char *)ASN1_STRING_get0_data(uri);
    size_t length = (size_t)ASN1_STRING_length(uri), slash = length;
    while (slash > strlen("spiffe://") && bytes[slash - 1] != '/')
        slash--;
    return slash > strlen("spiffe://") && identity_copy(bytes + slash, length - slash, ret);
}

static bool is_spiffe(const GENERAL_NAME *name)
{
    static const char scheme[] = "spiffe://";
    size_t length = sizeof scheme - 1;
    return name->type == GEN_URI && (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier) >= length &&
           strncasecmp((const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), scheme, length) == 0;
}

/* How many SPIFFE URIs there are; *ret is the last one's identity, "" when it is none. */
static unsigned spiffe_find(const X509 *certificate, char ret[ID_SIZE])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    unsigned count = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {   /* -1 when there is no list */
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (!is_spiffe(name))
            continue;
        if (!spiffe_read(name->d.uniformResourceIdentifier, ret))
            ret[0] = '\0';
        count++;
    }
    GENERAL_NAMES_free(names);
    return count;
}

static bool common_name_read(const X509 *certificate, char ret[ID_SIZE])
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0)
        return false;
    const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
    int type = ASN1_STRING_type(name);
    return (type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING) &&
           identity_copy((const char *)ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name), ret);
}

enum http_tls_peer http_tls_peer(const struct ssl_st *ssl, char ret_identity[ID_SIZE])
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    char identity[ID_SIZE] = "";
    if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
        return HTTP_TLS_NOBODY;
    unsigned uris = spiffe_find(certificate, identity);
    if (uris > 1 || (uris == 1 && identity[0] == '\0') || (uris == 0 && !common_name_read(certificate, identity)))
        return HTTP_TLS_NAMELESS;
    (void)text_copy(ret_identity, ID_SIZE, identity);
    return HTTP_TLS_NAMED;
}

const char *http_tls_why(const struct ssl_st *ssl, unsigned long error, bool *ret_certificate)
{
    long verified = SSL_get_verify_result(ssl);
    const char *reason = ERR_reason_error_string(error);
    *ret_certificate = verified != X509_V_OK || ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    return reason != NULL ? reason : "the peer went away";
}
