/* The text that a request's signature is over: one line a fact, so that no two requests have the same. See request_signature.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/sha256.h"
#include "orchestrator/edges/request_signature.h"

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* RFC 3986, 2.3. */
static bool is_unreserved(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' ||
           byte == '_' || byte == '~';
}

/* Decodes and encodes again, so that "%7E" and "~", "%2f" and "%2F" are one. False: a bad escape. */
static bool encoded_add(struct buffer *text, const char *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)at[i];
        if (byte == '%') {
            int high = i + 2 < length ? hex_value(at[i + 1]) : -1, low = i + 2 < length ? hex_value(at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = (unsigned char)(high << 4 | low);
            i += 2;
        }
        if (is_unreserved(byte))
            buffer_add(text, &byte, 1);
        else
            buffer_add_format(text, "%%%02X", byte);
    }
    return true;
}

static bool parameter_add(struct buffer *text, const char *at, size_t length)
{
    const char *equals = memchr(at, '=', length);
    size_t name = equals != NULL ? (size_t)(equals - at) : length;
    if (!encoded_add(text, at, name))
        return false;
    buffer_add_text(text, "=");
    return equals == NULL || encoded_add(text, equals + 1, length - name - 1);
}

static int texts_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The encoded parameters, each ended by a NUL, one behind the other. */
static enum drover_error parameters_encode(const char *query, struct buffer *encoded, unsigned *ret_count, struct problem *ret_problem)
{
    unsigned count = 0;
    for (const char *at = query; *at != '\0';) {
        size_t length = strcspn(at, "&");
        if (length > 0 && ++count > REQUEST_PARAMETERS_MAX)
            return problem_set(ret_problem, DROVER_TOO_LONG, "query", "more than %d parameters", REQUEST_PARAMETERS_MAX);
        if (length > 0 && !parameter_add(encoded, at, length))
            return problem_set(ret_problem, DROVER_SYNTAX, "query", "a bad percent escape");
        if (length > 0)
            buffer_add(encoded, "", 1);
        at += length;
        at += *at == '&';
    }
    *ret_count = count;
    return encoded->failed ? problem_set(ret_problem, DROVER_MEMORY, "query", "no memory to read it") : DROVER_OK;
}

static enum drover_error query_add(const char *query, struct buffer *text, struct problem *ret_problem)
{
    const char *parameters[REQUEST_PARAMETERS_MAX];
    struct buffer encoded;
    unsigned count = 0;
    if (query == NULL)
        return DROVER_OK;
    if (strlen(query) > REQUEST_QUERY_BYTES_MAX)
        return problem_set(ret_problem, DROVER_TOO_LONG, "query", "over %d bytes", REQUEST_QUERY_BYTES_MAX);
    buffer_init(&encoded, 0);
    enum drover_error error = parameters_encode(query, &encoded, &count, ret_problem);
    const char *at = encoded.bytes;
    for (unsigned i = 0; error == DROVER_OK && i < count; i++, at += strlen(at) + 1)
        parameters[i] = at;
    if (error == DROVER_OK && count > 0)
        qsort(parameters, count, sizeof parameters[0], texts_compare);
    for (unsigned i = 0; error == DROVER_OK && i < count; i++) {
        buffer_add_text(text, i > 0 ? "&" : "");
        buffer_add_text(text, parameters[i]);
    }
    buffer_done(&encoded);
    return error;
}

/* Bytes that end a line would let a path speak for the lines below it. */
static enum drover_error words_check(const struct request_to_sign *request, struct problem *ret_problem)
{
    if (request->method[0] == '\0' || strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(request->method))
        return problem_set(ret_problem, DROVER_SYNTAX, "method", "is not a word in capitals");
    if (request->path[0] != '/')
        return problem_set(ret_problem, DROVER_SYNTAX, "path", "does not begin with '/'");
    for (const char *at = request->path; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7F)
            return problem_set(ret_problem, DROVER_SYNTAX, "path", "has a space or a control character");
    return DROVER_OK;
}

enum drover_error request_canonical_add(const struct request_to_sign *request, const struct request_signature *signature, struct buffer *text,
                                        struct problem *ret_problem)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    enum drover_error error = words_check(request, ret_problem);
    if (error != DROVER_OK)
        return error;
    if (!sha256_of(request->body_length > 0 ? request->body : "", request->body_length, digest))
        return problem_set(ret_problem, DROVER_MEMORY, "body", "no memory to read it");
    text_hex(hex, digest, sizeof digest);
    buffer_add_format(text, REQUEST_SIGNATURE_SCHEME "\n%s\n%s\n%" PRId64 "\n%s\n%s\n%s\n", signature->key_id, signature->subject,
                      signature->timestamp_ms, signature->nonce, request->method, request->path);
    error = query_add(request->query, text, ret_problem);
    buffer_add_format(text, "\n%s", hex);
    if (error == DROVER_OK && text->failed)
        error = problem_set(ret_problem, DROVER_MEMORY, "request", "no memory to read it");
    return error;
}
