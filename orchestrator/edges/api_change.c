/* Around every route that changes something: If-Match is read, an idempotency key makes sure that it happens once, and the audit gets its
 * entry: from the script that changes something where there is one (its `actor`), else from here when the answer stands. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/sha256.h"
#include "orchestrator/edges/api_inside.h"

static void key_begun(void *arg, enum drover_error error, const struct change_answer *answer);
static void change_answered(void *arg, struct http_call *call);
static void change_ended(void *arg, enum drover_error error);

struct api_change {
    struct api *api;
    struct http_call *call;
    api_route *serve;
    struct actor actor;
    struct change_key key;
    bool keyed;             /* the key is ours to end */
    bool audited;           /* nothing is to be written into the audit (any more) */
    bool tried;             /* the store was asked for the change */
};

bool api_is_change(const struct http_route *route)
{
    return route->served_by == HTTP_LOOP && route->audience >= HTTP_OPERATOR && route->method != HTTP_GET;
}

/* --- who --- */

static struct api_change *change_of(const struct http_call *call)
{
    return call->answered == change_answered ? call->answered_arg : NULL;
}

const struct actor *api_actor(const struct http_call *call)
{
    return api_actor_change(call, NULL, NULL, NULL);
}

const struct actor *api_actor_change(const struct http_call *call, const char *before, const char *after, const char *said)
{
    struct api_change *change = change_of(call);
    if (change == NULL)
        return NULL;
    change->tried = true;
    change->actor.before = before;
    change->actor.after = after;
    change->actor.said = said;
    return &change->actor;
}

void api_change_audited(struct http_call *call)
{
    struct api_change *change = change_of(call);
    if (change != NULL)
        change->audited = true;
}

const char *api_who(const struct http_call *call)
{
    return call->who.subject[0] != '\0' ? call->who.subject : "operator";
}

static const char *proof_of(const struct http_call *call)
{
    return call->who.key_id[0] != '\0' ? call->who.key_id : "api.token_file";
}

static void actor_fill(const struct http_call *call, struct actor *ret)
{
    (void)text_copy(ret->who, sizeof ret->who, api_who(call));
    (void)text_copy(ret->key, sizeof ret->key, proof_of(call));
    (void)text_copy(ret->role, sizeof ret->role, auth_role_name(call->who.role));
    text_lower(ret->action, sizeof ret->action, call->route->name);
    snprintf(ret->target, sizeof ret->target, "%s%s%s", call->params[0], call->params[1][0] != '\0' ? " " : "", call->params[1]);
    memcpy(ret->request, call->request_id, sizeof ret->request);
}

/* --- If-Match: revisions are its entity tags --- */

/* "*" is any; a weak tag never matches (RFC 9110, 13.1.1), a list of tags is not ours. */
static bool match_read(struct http_call *call)
{
    const char *text = call->if_match;
    size_t length = strlen(text);
    if (length == 0 || strcmp(text, "*") == 0)
        return true;
    if (length > 2 && text[0] == '"' && text[length - 1] == '"' && text_to_i64(text + 1, length - 2, 1, INT64_MAX, &call->expected_revision))
        return true;
    http_call_problem(call, strncmp(text, "W/", 2) == 0 ? 412 : 400, "If-Match", "not one strong ETag of this server, as \"7\"");
    return false;
}

/* --- the key --- */

static bool digest_of(char ret[CHANGE_NAME_SIZE], const char *const *parts, size_t count, const void *body, size_t length)
{
    struct sha256 *sha256 = sha256_new();
    if (sha256 == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        sha256_add(sha256, parts[i] != NULL ? parts[i] : "", (parts[i] != NULL ? strlen(parts[i]) : 0) + 1);
    if (length > 0)
        sha256_add(sha256, body, length);
    sha256_hex(sha256, ret);
    sha256_free(sha256);
    return true;
}

/* A key is its holder's own: nobody is given what another one was answered. */
static bool key_fill(const struct http_call *call, struct change_key *ret)
{
    const char *const holder[] = {proof_of(call), api_who(call), call->idempotency_key};
    const char *asked[5 + HTTP_QUERY_MAX] = {http_method_name(call->route->method), call->route->path, call->params[0], call->params[1], call->if_match};
    for (size_t i = 0; i < HTTP_QUERY_MAX; i++)
        asked[5 + i] = call->query[i];
    return digest_of(ret->name, holder, 3, NULL, 0) && digest_of(ret->holder, holder, 2, NULL, 0) &&
           digest_of(ret->fingerprint, asked, 5 + HTTP_QUERY_MAX, call->body, call->body_length);
}

static void change_serve(struct api_change *change)
{
    struct http_call *call = change->call;
    if (match_read(call))
        change->serve(change->api, call);
}

void api_change(struct api *api, struct http_call *call, api_route *serve)
{
    struct api_change *change = calloc(1, sizeof *change);
    if (change == NULL || (call->idempotency_key[0] != '\0' && !key_fill(call, &change->key))) {
        free(change);
        http_call_problem(call, 503, NULL, "out of memory");
        return;
    }
    change->api = api;
    change->call = call;
    change->serve = serve;
    actor_fill(call, &change->actor);
    call->answered = change_answered;
    call->answered_arg = change;
    api->holds++;
    if (call->idempotency_key[0] != '\0')
        store_change_begin(api->config.store, &change->key, key_begun, change);
    else
        change_serve(change);
}

static void answer_again(struct http_call *call, const struct change_answer *answer)
{
    static const char *const types[] = {"application/json", "application/problem+json"};
    if (answer->length == 0 && answer->status != 204) {
        http_call_problem(call, 409, "Idempotency-Key", "this was done and answered with %d; the answer was too large to be kept", answer->status);
        return;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], answer->content_type) == 0)
            call->content_type = types[i];
    (void)text_copy(call->etag, sizeof call->etag, answer->etag);
    call->etag_for_changes = true;
    call->replayed = true;
    buffer_add(&call->answer, answer->body, answer->length);
    http_call_send(call, answer->status);
}

/* Whoever asks again a little later is given the answer of the first. */
static void key_is_busy(struct http_call *call)
{
    call->retry_after_s = 1;
    http_call_problem(call, 409, "Idempotency-Key", "the first request with this key is still under way");
}

static void key_begun(void *arg, enum drover_error error, const struct change_answer *answer)
{
    struct api_change *change = arg;
    struct http_call *call = change->call;
    change->keyed = error == DROVER_OK;
    change->audited = error != DROVER_OK;   /* nothing is done, so nothing is told */
    if (error == DROVER_OK && change->api->closed)
        http_call_error(call, DROVER_UNAVAILABLE, "droverd ends");
    else if (error == DROVER_OK)
        change_serve(change);
    else if (error == DROVER_DUPLICATE)
        answer_again(call, answer);
    else if (error == DROVER_CONFLICT)
        key_is_busy(call);
    else if (error == DROVER_MISMATCH)
        http_call_problem(call, 422, "Idempotency-Key", "this key was used for another request");
    else if (error == DROVER_FULL)
        http_call_problem(call, 429, "Idempotency-Key", "more answers than may be kept for one subject in a day");
    else
        http_call_error(call, error, "whether this was done before cannot be said now");
}

/* --- the end --- */

/* The same request may be answered otherwise a moment later: it is to be tried again, not remembered. What may have been done stays remembered, so that it is
 * not done twice: a 202 after a script did something (a proposal), and a failure after the store was asked. */
static bool is_for_now(const struct api_change *change, int status)
{
    return (status == 202 && !change->audited) || status == 429 || (status >= 500 && !change->tried);
}

/* A refusal in its own words. */
static void why_read(const struct http_call *call, char *ret, size_t size)
{
    static const struct json_limits limits = {.bytes = 1u << 20, .depth = 16, .members = 4096, .string_bytes = 4096};
    struct json_flat problem;
    struct problem unread;
    const struct json_member *detail = NULL;
    ret[0] = '\0';
    if (call->status < 400)
        return;
    if (json_document_read(call->answer.bytes, call->answer.length, &limits, &problem, &unread) == DROVER_OK)
        detail = json_flat_find(&problem, "detail");
    if (detail == NULL || json_member_text(detail, "detail", ret, size, &unread) != DROVER_OK)
        (void)text_copy(ret, size, http_status_title(call->status));
}

static void change_free(struct api_change *change)
{
    struct api *api = change->api;
    free(change);
    api_let_go(api);
}

static void change_answered(void *arg, struct http_call *call)
{
    struct api_change *change = arg;
    char why[512];
    bool tells = !change->audited && call->status != 202;
    if ((!tells && !change->keyed) || change->api->closed) {   /* closed: the store goes away */
        change_free(change);
        http_call_return(call);
        return;
    }
    change->actor.before = change->actor.after = change->actor.said = NULL;   /* they were whose the call to the store was */
    why_read(call, why, sizeof why);
    const struct change_end end = {
        .actor = tells ? &change->actor : NULL, .at_ms = clock_unix_ms(), .why = why, .key = change->keyed ? &change->key : NULL,
        .keep = !is_for_now(change, call->status),
        .answer = {.status = call->status, .content_type = call->content_type, .etag = call->etag, .body = call->answer.bytes, .length = call->answer.length},
    };
    store_change_end(change->api->config.store, &end, change_ended, change);
}

/* What was done is answered so, even when nobody could write it down. */
static void change_ended(void *arg, enum drover_error error)
{
    struct api_change *change = arg;
    struct http_call *call = change->call;
    if (error != DROVER_OK)
        log_event(LOG_ERROR, "audit_lost", LOG_TEXT("who", change->actor.who), LOG_TEXT("action", change->actor.action), LOG_TEXT("target", change->actor.target),
                  LOG_NUMBER("status", call->status), LOG_TEXT("request", change->actor.request), LOG_TEXT("why", drover_error_text(error)));
    change_free(change);
    http_call_return(call);
}
