/* May this peer ask? The operators' static token, bearer tokens and signed requests (auth.h), and what each proves on which route.
 * See http_thread.h. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/http_thread.h"
#include "orchestrator/edges/http_tls.h"

static const char *authorization_of(const struct http_conn *conn)
{
    return evhttp_find_header(evhttp_request_get_input_headers(conn->request), "Authorization");
}

/* --- the static token --- */

/* The bearer token of the request; NULL when there is none. */
static const char *token_of(const char *authorization)
{
    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    authorization += 7;
    return authorization + strspn(authorization, " ");
}

/* Takes as long for a wrong token as for the right one; its length is no secret. */
static bool token_is(const char *token, const char *wanted)
{
    size_t length = strlen(wanted);
    return strlen(token) == length && CRYPTO_memcmp(token, wanted, length) == 0;
}

/* Is it the content of api.token_file? *ret_wanted: there is one. */
static bool static_token_is_right(struct http_shared *shared, const char *token, bool *ret_wanted)
{
    pthread_mutex_lock(&shared->token_lock);
    bool wanted = shared->token[0] != '\0', right = wanted && token != NULL && token_is(token, shared->token);
    pthread_mutex_unlock(&shared->token_lock);
    *ret_wanted = wanted;
    return right;
}

/* --- tokens of the key file and signed requests --- */

static const struct {
    enum drover_error error;
    enum http_refusal reason;
} reasons[] = {
    {DROVER_STALE, REFUSED_EXPIRED}, {DROVER_UNKNOWN, REFUSED_KEY}, {DROVER_MISMATCH, REFUSED_FORGED}, {DROVER_REFUSED, REFUSED_FORGED},
};

static bool proof_refuse(struct http_conn *conn, enum drover_error error, const struct problem *problem)
{
    char challenge[JWT_CHALLENGE_SIZE];
    enum http_refusal reason = REFUSED_TOKEN;
    if (error == DROVER_MEMORY)
        return http_refuse(conn, REFUSED_CALLS, 503, NULL, "out of memory");
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].error == error)
            reason = reasons[i].reason;
    jwt_challenge_write(error == DROVER_MISSING && strcmp(problem->where, "Authorization") == 0 ? NULL : problem, challenge);
    (void)evhttp_add_header(evhttp_request_get_output_headers(conn->request), "WWW-Authenticate", challenge);
    if (http_guard_may_log(conn->guard, clock_mono_ms()))
        log_event(LOG_INFO, "proof_refused", LOG_TEXT("path", conn->route->path), LOG_TEXT("where", problem->where), LOG_TEXT("what", problem->what));
    return http_refuse(conn, reason, 401, problem->where, problem->what);
}

static void tokens_count(struct http_metrics *metrics, struct jwt_counters before, struct jwt_counters after)
{
    atomic_fetch_add_explicit(&metrics->tokens_checked, after.checked - before.checked, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->tokens_remembered, after.remembered - before.remembered, memory_order_relaxed);
}

/* Fills call->who. */
static bool proof_check(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(conn->request);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(conn->request);
    struct request_to_sign request = {.method = http_method_name(http_method_of(conn->request)), .path = evhttp_uri_get_path(uri),
                                      .query = evhttp_uri_get_query(uri), .body_length = evbuffer_get_length(body)};
    struct jwt_counters before = auth_checker_counters(thread->checker);
    struct problem problem = {.what = ""};
    const char *authorization = authorization_of(conn);
    if (request.body_length > 0 && authorization != NULL && token_of(authorization) == NULL) {   /* a token does not look at it */
        request.body = evbuffer_pullup(body, -1);
        if (request.body == NULL)
            return proof_refuse(conn, DROVER_MEMORY, &problem);
    }
    enum drover_error error = auth_check(thread->checker, authorization, &request, clock_unix_ms(), &call->who, &problem);
    tokens_count(conn->guard->metrics, before, auth_checker_counters(thread->checker));
    if (error != DROVER_OK)
        return proof_refuse(conn, error, &problem);
    call->known = true;
    return true;
}

/* --- client certificates --- */

static enum http_tls_peer certificate_of(const struct http_conn *conn, char ret_identity[ID_SIZE])
{
    return conn->ssl != NULL ? http_tls_peer(conn->ssl, ret_identity) : HTTP_TLS_NOBODY;
}

/* Who shows a certificate and a token must be the same with both. */
static bool certificate_check(struct http_conn *conn, const char *subject)
{
    char identity[ID_SIZE] = "";
    enum http_tls_peer peer = certificate_of(conn, identity);
    if (peer == HTTP_TLS_NOBODY || (peer == HTTP_TLS_NAMED && strcmp(identity, subject) == 0))
        return true;
    return http_refuse(conn, REFUSED_SUBJECT, 403, "certificate", peer == HTTP_TLS_NAMELESS ? "names nobody, or more than one" : "is another's than the token");
}

/* --- people --- */

static const struct {
    enum auth_role least;
    const char *below;   /* to a person whose role is lower */
} audiences[] = {
    [HTTP_VIEWER] = {AUTH_VIEWER, "nobody may look"},
    [HTTP_OPERATOR] = {AUTH_OPERATOR, "a viewer may only look"},
    [HTTP_ADMIN] = {AUTH_ADMIN, "this needs an admin"},
};

static bool person_check(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    const char *token = token_of(authorization_of(conn));
    bool wanted;
    if (static_token_is_right(thread->shared, token, &wanted)) {
        call->known = true;
        call->who.role = AUTH_ADMIN;
        return true;
    }
    if (!wanted && thread->checker == NULL)
        return http_refuse(conn, REFUSED_TOKEN, 403, "api.token_file", "not set: the operators' API is off");
    if (thread->checker == NULL)
        return http_refuse(conn, REFUSED_TOKEN, 401, "Authorization",
                           token == NULL ? "an operator's bearer token is needed" : "not an operator's token");
    if (!proof_check(thread, conn, call))
        return false;
    if (call->who.role >= audiences[conn->route->audience].least)
        return certificate_check(conn, call->who.subject);
    return http_refuse(conn, REFUSED_ROLE, 403, "role",
                       call->who.role == AUTH_DEVICE ? "a device's key does not open the operators' API" : audiences[conn->route->audience].below);
}

/* --- devices --- */

/* Whose name stands in the query, it must be; where none stands, it is put there. */
static bool subject_check(struct http_conn *conn, struct http_call *call, const char *subject)
{
    int named = http_query_index(call->route, "device_id");
    int index = named >= 0 ? named : http_query_index(call->route, "device");
    if (call->query[index] == NULL) {
        call->query[index] = strdup(subject);
        return call->query[index] != NULL || http_refuse(conn, REFUSED_CALLS, 503, NULL, "out of memory");
    }
    if (strcmp(call->query[index], subject) == 0)
        return true;
    return http_refuse(conn, REFUSED_SUBJECT, 403, named >= 0 ? "device_id" : "device", "is not the device that proved itself");
}

/* A certificate that the handshake has verified proves a device as a token does, on the devices' listener: the authority of the other one
 * may be one of people. */
static bool certificate_proves(struct http_conn *conn, struct http_call *call, bool *ret_refused)
{
    char identity[ID_SIZE] = "";
    enum http_tls_peer peer = conn->listener == HTTP_DEVICES ? certificate_of(conn, identity) : HTTP_TLS_NOBODY;
    *ret_refused = peer == HTTP_TLS_NAMELESS;
    if (*ret_refused)
        (void)http_refuse(conn, REFUSED_SUBJECT, 403, "certificate", "names no device, or more than one");
    if (peer != HTTP_TLS_NAMED)
        return false;
    call->known = true;
    call->who.role = AUTH_DEVICE;
    (void)text_copy(call->who.subject, sizeof call->who.subject, identity);
    return true;
}

static bool device_check(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    enum http_devices_auth devices = thread->shared->devices;
    bool refused, certified = certificate_proves(conn, call, &refused);
    if (refused)
        return false;
    bool asked = devices != HTTP_DEVICES_OFF && (authorization_of(conn) != NULL || (devices == HTTP_DEVICES_REQUIRED && !certified));
    if (asked && (!proof_check(thread, conn, call) || !certificate_check(conn, call->who.subject)))
        return false;
    if (!call->known)
        return true;
    if (call->who.role != AUTH_DEVICE)
        return http_refuse(conn, REFUSED_ROLE, 403, "role", "only a device's key counts here");
    return subject_check(conn, call, call->who.subject);
}

bool http_auth_check(struct http_thread *thread, struct http_conn *conn, struct http_call *call)
{
    switch (conn->route->audience) {
    case HTTP_ANYONE:
    case HTTP_HOUSE:
        return true;
    case HTTP_DEVICE:
        return device_check(thread, conn, call);
    case HTTP_VIEWER:
    case HTTP_OPERATOR:
    case HTTP_ADMIN:
        break;
    }
    return person_check(thread, conn, call);
}
