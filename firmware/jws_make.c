/* Writing a JWS: one protected header and one signature for each key, over the same payload. */
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/text.h"
#include "firmware/jws.h"
#include "firmware/jws_algorithm.h"

static void header_add(const char *alg, const uint8_t *key_id, const char *typ, struct buffer *encoded)
{
    char id[KEY_ID_HEX_SIZE];
    struct buffer header;
    struct json_writer writer;

    text_hex(id, key_id, KEY_ID_BYTES);
    buffer_init(&header, 0);
    json_begin(&writer, &header);
    json_put_text(&writer, "alg", alg);
    json_put_text(&writer, "kid", id);
    json_put_text(&writer, "typ", typ);
    json_end(&writer);
    if (header.failed)
        encoded->failed = true;
    else
        base64url_add(encoded, header.bytes, header.length);
    buffer_done(&header);
}

/* The algorithm is fixed before the signature is made: its name is signed too. */
static const char *alg_of(enum key_type type)
{
    static const char *const names[KEY_TYPE_COUNT] = {
        [KEY_RSA_2048] = "PS256", [KEY_RSA_3072] = "PS256", [KEY_RSA_4096] = "PS256", [KEY_EC_P256] = "ES256", [KEY_ED25519] = "EdDSA"};

    return names[type];
}

/* input is the encoded payload on its own; the header goes in front of it. */
static enum drover_error sign(const char *typ, const struct buffer *payload, const struct private_key *key, struct json_writer *writer, struct problem *ret_problem)
{
    const char *alg = alg_of(private_key_type(key));
    struct signature signature = {0};
    struct buffer input, text;
    size_t header_length;
    enum drover_error error;

    if (!alg)
        return problem_set(ret_problem, DROVER_MISMATCH, "key", "a key of type %s cannot sign", key_type_name(private_key_type(key)));
    buffer_init(&input, 0);
    buffer_init(&text, 0);
    header_add(alg, private_key_id(key), typ, &input);
    header_length = input.length;
    buffer_add(&input, ".", 1);
    buffer_add(&input, payload->bytes, payload->length);
    error = input.failed ? problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to sign it")
        : signature_make(key, jws_algorithm_from_name(alg), input.bytes, input.length, &signature, ret_problem);
    if (!error && signature.algorithm == SIGNATURE_ECDSA_P256_SHA256 && !jws_ecdsa_from_der(&signature))
        error = problem_set(ret_problem, DROVER_MEMORY, "signature", "OpenSSL failed");
    if (!error) {
        input.bytes[header_length] = '\0';
        base64url_add(&text, signature.bytes, signature.length);
        json_open_object(writer, NULL);
        json_put_text(writer, "protected", input.bytes);
        json_put_text(writer, "signature", text.failed ? NULL : text.bytes);
        json_close_object(writer);
        writer->buffer->failed |= text.failed;
    }
    buffer_done(&input);
    buffer_done(&text);
    return error;
}

static bool is_repeated(const struct private_key *const *keys, unsigned at)
{
    for (unsigned i = 0; i < at; i++)
        if (memcmp(private_key_id(keys[i]), private_key_id(keys[at]), KEY_ID_BYTES) == 0)
            return true;
    return false;
}

enum drover_error jws_make(const char *typ, const void *payload, size_t length, const struct private_key *const *keys, unsigned count,
                           struct buffer *jws, struct problem *ret_problem)
{
    struct json_writer writer;
    struct buffer encoded, text;
    enum drover_error error = DROVER_OK;

    if (count < 1 || count > JWS_SIGNATURES_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "keys", "1 to %d can sign", JWS_SIGNATURES_MAX);
    buffer_init(&encoded, 0);
    buffer_init(&text, JWS_BYTES_MAX);
    base64url_add(&encoded, payload, length);
    if (encoded.failed)
        error = problem_set(ret_problem, DROVER_MEMORY, "payload", "no memory to encode it");
    json_begin(&writer, &text);
    json_put_text(&writer, "payload", encoded.length ? encoded.bytes : "");
    json_open_array(&writer, "signatures");
    for (unsigned i = 0; i < count && !error; i++)
        error = is_repeated(keys, i) ? problem_set(ret_problem, DROVER_DUPLICATE, "keys", "the same key signs twice")
                                     : sign(typ, &encoded, keys[i], &writer, ret_problem);
    json_close_array(&writer);
    json_end(&writer);
    if (!error && text.failed)
        error = problem_set(ret_problem, DROVER_TOO_LONG, "jws", "over %d bytes", JWS_BYTES_MAX);
    if (!error)
        buffer_add(jws, text.bytes, text.length);
    if (!error && jws->failed)
        error = problem_set(ret_problem, DROVER_MEMORY, "jws", "no memory for the text");
    buffer_done(&encoded);
    buffer_done(&text);
    return error;
}
