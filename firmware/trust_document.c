/* Trust documents with signatures: the file as it lies on a device, the step from one version to the next, and the signing of a new one.
 * A document proves itself to whoever holds its predecessor: present roots and its own roots must both have signed it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "firmware/jws.h"
#include "firmware/trust.h"
#include "firmware/trust_count.h"
#include "firmware/trust_json.h"

static const struct json_limits file_limits = {JWS_BYTES_MAX, 5, 2048, JWS_BYTES_MAX};

static bool jws_is_valid(const void *signature, const struct public_key *key, const void *bytes, size_t length)
{
    (void)bytes; /* a JWS signature brings what it signed */
    (void)length;
    return jws_signature_is_valid(signature, key);
}

enum error_code trust_count_jws(const struct trust *trust, enum trust_role role, const struct jws *jws, int64_t now_ms, struct problem *ret_problem)
{
    struct trust_claim claims[JWS_SIGNATURES_MAX];

    for (unsigned i = 0; i < jws->count; i++)
        claims[i] = (struct trust_claim){jws->signatures[i].key_id, jws_is_valid, &jws->signatures[i]};
    return trust_count(trust, role, NULL, 0, claims, jws->count, now_ms, ret_problem);
}

bool trust_has_roots(const struct trust *trust)
{
    for (unsigned i = 0; i < trust->key_count; i++)
        if (trust->keys[i].roles & 1u << TRUST_ROOT)
            return true;
    return false;
}

static enum drover_error read_jws(const char *bytes, size_t length, struct jws *ret_jws, struct trust *ret_trust, struct problem *ret_problem)
{
    enum drover_error error = jws_read(bytes, length, TRUST_TYP, ret_jws, ret_problem);

    if (error)
        return error;
    error = trust_json_read(ret_jws->payload.length ? ret_jws->payload.bytes : "", ret_jws->payload.length, ret_trust, ret_problem);
    if (error)
        jws_done(ret_jws);
    return error;
}

/* Whether the file is a JWS; both forms must be good JSON. */
static enum drover_error is_signed(const char *bytes, size_t length, bool *ret, struct problem *ret_problem)
{
    struct json_flat *flat = malloc(sizeof *flat);
    enum drover_error error = flat ? json_document_read(bytes, length, &file_limits, flat, ret_problem)
                                   : problem_set(ret_problem, DROVER_MEMORY, "trust", "no memory to read it");

    if (!error)
        *ret = json_flat_find(flat, "signatures") != NULL;
    free(flat);
    return error;
}

enum drover_error trust_read_signed(const char *bytes, size_t length, struct trust *ret_trust, struct problem *ret_problem)
{
    struct jws *jws = malloc(sizeof *jws);
    struct trust trust;
    enum drover_error error;

    if (!jws)
        return problem_set(ret_problem, DROVER_MEMORY, "trust", "no memory to read it");
    error = read_jws(bytes, length, jws, &trust, ret_problem);
    if (!error) {
        if (trust_count_jws(&trust, TRUST_ROOT, jws, 0, ret_problem) != E_NONE)
            error = DROVER_REFUSED;
        jws_done(jws);
        if (error)
            trust_done(&trust);
        else
            *ret_trust = trust;
    }
    free(jws);
    return error;
}

enum drover_error trust_read(const char *bytes, size_t length, struct trust *ret_trust, struct problem *ret_problem)
{
    bool is_jws = false;
    enum drover_error error = is_signed(bytes, length, &is_jws, ret_problem);

    if (error)
        return error;
    return is_jws ? trust_read_signed(bytes, length, ret_trust, ret_problem) : trust_json_read(bytes, length, ret_trust, ret_problem);
}

enum drover_error trust_read_file(const char *path, struct trust *ret_trust, struct problem *ret_problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum drover_error error = DROVER_OK;
    struct buffer text;
    char block[4096];
    ssize_t got = 1;

    if (fd < 0)
        return problem_set(ret_problem, errno == ENOENT ? DROVER_NOT_FOUND : DROVER_IO, path, "%s", strerror(errno));
    buffer_init(&text, JWS_BYTES_MAX);
    while (!error && got != 0) {
        got = read(fd, block, sizeof block);
        if (got > 0)
            buffer_add(&text, block, (size_t)got);
        if (got < 0 && errno != EINTR)
            error = problem_set(ret_problem, DROVER_IO, path, "%s", strerror(errno));
        if (text.failed)
            error = problem_set(ret_problem, DROVER_TOO_LONG, path, "over %d bytes", JWS_BYTES_MAX);
    }
    close(fd);
    if (!error)
        error = trust_read(text.length ? text.bytes : "", text.length, ret_trust, ret_problem);
    buffer_done(&text);
    return error;
}

/* A document that was parsed. The version comes first: an older one, by whomever, changes nothing and does no harm. */
static enum error_code update_check(const struct trust *trust, const struct trust *next, const struct jws *jws, int64_t now_ms, struct problem *ret_problem)
{
    enum error_code code;

    if (next->version <= trust->version)
        return package_refuse(ret_problem, E_EXPIRED, "trust", "version %" PRId64 " is not above the present %" PRId64, next->version, trust->version);
    if (!trust_has_roots(trust))
        return package_refuse(ret_problem, E_SIGNATURE, "trust", "the present trust store has no root keys; only its file can be replaced");
    code = trust_count_jws(trust, TRUST_ROOT, jws, now_ms, ret_problem);
    return code ? code : trust_count_jws(next, TRUST_ROOT, jws, now_ms, ret_problem);
}

enum error_code trust_update(const struct trust *trust, const char *bytes, size_t length, int64_t now_ms, struct trust *ret_trust, struct problem *ret_problem)
{
    struct jws *jws = malloc(sizeof *jws);
    struct trust next;
    enum drover_error error;
    enum error_code code = E_INCOMPATIBLE;

    if (!jws)
        return package_refuse(ret_problem, E_INTERNAL, "trust", "no memory to read it");
    error = read_jws(bytes, length, jws, &next, ret_problem);
    if (!error) {
        code = update_check(trust, &next, jws, now_ms, ret_problem);
        jws_done(jws);
        if (code)
            trust_done(&next);
        else
            *ret_trust = next;
    }
    free(jws);
    return error == DROVER_MEMORY ? E_INTERNAL : code;
}

enum drover_error trust_sign(const struct trust *trust, const struct private_key *const *keys, unsigned count, struct buffer *jws, struct problem *ret_problem)
{
    struct buffer json;
    enum drover_error error;

    buffer_init(&json, TRUST_BYTES_MAX);
    trust_write(trust, &json);
    error = json.failed ? problem_set(ret_problem, DROVER_TOO_LONG, "trust", "over %d bytes", TRUST_BYTES_MAX)
                        : jws_make(TRUST_TYP, json.bytes, json.length, keys, count, jws, ret_problem);
    buffer_done(&json);
    return error;
}
