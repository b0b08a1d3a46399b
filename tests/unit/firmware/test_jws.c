/* JWS: the RFCs' examples, every key there and back, and everything in a document or a header that is not exactly right. */
#include "trust_fixture.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "common/base64.h"
#include "common/text.h"
#include "firmware/jws.h"

#define TYP "drover-test+json"

static int done(void **state)
{
    (void)state;
    keys_done();
    return 0;
}

/* A public key out of the numbers of a JWK. */
static struct public_key *key_from(const char *type, OSSL_PARAM_BLD *builder)
{
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    struct public_key *key = NULL;
    struct problem problem = {0};
    unsigned char *der = NULL;
    EVP_PKEY *evp = NULL;
    int length;

    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &evp, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    length = i2d_PUBKEY(evp, &der);
    CHECK_PROBLEM(public_key_read_der(der, (size_t)length, &key, &problem), problem, DROVER_OK, "", type);
    OPENSSL_free(der);
    EVP_PKEY_free(evp);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static size_t decode(const char *text, uint8_t *ret, size_t size)
{
    size_t length;

    assert_true(base64url_read(text, strlen(text), ret, size, &length));
    return length;
}

static void check_example(const char *alg, const char *input, const char *signature_text, struct public_key *key)
{
    struct jws_signature signature = {0};

    memcpy(signature.key_id, public_key_id(key), KEY_ID_BYTES);
    assert_true(text_copy(signature.alg, sizeof signature.alg, alg));
    signature.length = (uint16_t)decode(signature_text, signature.bytes, sizeof signature.bytes);
    buffer_init(&signature.signed_bytes, 0);
    buffer_add_text(&signature.signed_bytes, input);
    assert_true(jws_signature_is_valid(&signature, key));
    signature.signed_bytes.bytes[3] ^= 1;
    assert_false(jws_signature_is_valid(&signature, key));
    signature.signed_bytes.bytes[3] ^= 1;
    signature.bytes[0] ^= 1;
    assert_false(jws_signature_is_valid(&signature, key));
    buffer_done(&signature.signed_bytes);
    public_key_free(key);
}

static void examples_of_the_rfcs(void **state)
{
    static const char payload[] = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    OSSL_PARAM_BLD *rsa = OSSL_PARAM_BLD_new(), *ec = OSSL_PARAM_BLD_new(), *ed25519 = OSSL_PARAM_BLD_new();
    uint8_t bytes[256], point[65] = {4}, edwards[32];
    char input[256];
    BIGNUM *n, *e = BN_new();

    (void)state;
    /* RFC 7515, A.2 */
    n = BN_bin2bn(bytes,
                  (int)decode("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b"
                              "32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"
                              "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ", bytes, sizeof bytes), NULL);
    assert_int_equal(BN_set_word(e, 65537), 1);
    OSSL_PARAM_BLD_push_BN(rsa, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(rsa, OSSL_PKEY_PARAM_RSA_E, e);
    (void)snprintf(input, sizeof input, "eyJhbGciOiJSUzI1NiJ9.%s", payload);
    check_example("RS256", input,
                  "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB"
                  "--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYE"
                  "UipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw", key_from("RSA", rsa));
    BN_free(n);
    BN_free(e);
    /* RFC 7515, A.3 */
    assert_int_equal(decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", point + 1, 32), 32);
    assert_int_equal(decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", point + 33, 32), 32);
    OSSL_PARAM_BLD_push_utf8_string(ec, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(ec, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
    (void)snprintf(input, sizeof input, "eyJhbGciOiJFUzI1NiJ9.%s", payload);
    check_example("ES256", input, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", key_from("EC", ec));
    /* RFC 8037, A.4 */
    assert_int_equal(decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", edwards, sizeof edwards), 32);
    OSSL_PARAM_BLD_push_octet_string(ed25519, OSSL_PKEY_PARAM_PUB_KEY, edwards, sizeof edwards);
    check_example("EdDSA", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                  "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", key_from("ED25519", ed25519));
}

static void there_and_back_by_every_key(void **state)
{
    static const char payload[] = "{\"kind\":\"test\"}";
    const struct private_key *keys[] = {key_of(KEY_RSA_2048, 0), key_of(KEY_RSA_3072, 0), key_of(KEY_RSA_4096, 0), key_of(KEY_EC_P256, 0), ed(0), ed(1)};
    static const char *const algs[] = {"PS256", "PS256", "PS256", "ES256", "EdDSA", "EdDSA"};
    struct problem problem = {0};
    struct buffer text;
    struct jws jws;

    (void)state;
    buffer_init(&text, 0);
    assert_int_equal(jws_make(TYP, payload, strlen(payload), keys, COUNT_OF(keys), &text, &problem), DROVER_OK);
    CHECK_PROBLEM(jws_read(text.bytes, text.length, TYP, &jws, &problem), problem, DROVER_OK, "", text.bytes);
    assert_int_equal(jws.count, COUNT_OF(keys));
    assert_string_equal(jws.payload.bytes, payload);
    for (unsigned i = 0; i < jws.count; i++)
        for (unsigned k = 0; k < COUNT_OF(keys); k++) {
            struct public_key *public = private_key_public(keys[k]);

            assert_string_equal(jws.signatures[i].alg, algs[i]);
            assert_int_equal(jws_signature_is_valid(&jws.signatures[i], public), i == k);
            public_key_free(public);
        }
    jws_done(&jws);
    CHECK_PROBLEM(jws_read(text.bytes, text.length, "drover-permit+json", &jws, &problem), problem, DROVER_MISMATCH, "typ", "another typ");
    keys[1] = keys[0];
    CHECK_PROBLEM(jws_make(TYP, payload, strlen(payload), keys, 2, &text, &problem), problem, DROVER_DUPLICATE, "keys", "one key twice");
    keys[0] = key_of(KEY_X25519, 0);
    CHECK_PROBLEM(jws_make(TYP, payload, strlen(payload), keys, 1, &text, &problem), problem, DROVER_MISMATCH, "key", "X25519");
    CHECK_PROBLEM(jws_make(TYP, payload, strlen(payload), keys, 0, &text, &problem), problem, DROVER_RANGE, "keys", "nobody");
    buffer_done(&text);
}

/* alg is what the signature is checked with only when it is the key's own; ECDSA's two spellings are not mixed. */
static void alg_is_bound_to_the_key(void **state)
{
    static const char *const algs[] = {"RS256", "PS256", "ES256", "EdDSA", "HS256", "none", "", "ES384", "rs256"};
    const struct private_key *keys[] = {key_of(KEY_RSA_2048, 0), key_of(KEY_EC_P256, 0), ed(0)};
    static const unsigned right[] = {1, 2, 3};
    struct problem problem;
    struct buffer text;
    struct jws jws;

    (void)state;
    buffer_init(&text, 0);
    assert_int_equal(jws_make(TYP, "{}", 2, keys, COUNT_OF(keys), &text, &problem), DROVER_OK);
    assert_int_equal(jws_read(text.bytes, text.length, TYP, &jws, &problem), DROVER_OK);
    for (unsigned i = 0; i < jws.count; i++) {
        struct public_key *public = private_key_public(keys[i]);

        for (unsigned alg = 0; alg < COUNT_OF(algs); alg++) {
            (void)text_copy(jws.signatures[i].alg, sizeof jws.signatures[i].alg, algs[alg]);
            assert_int_equal(jws_signature_is_valid(&jws.signatures[i], public), alg == right[i]);
        }
        public_key_free(public);
    }
    jws_done(&jws);
    buffer_done(&text);
}

static void add_encoded(struct buffer *text, const char *bytes)
{
    base64url_add(text, bytes, strlen(bytes));
}

#define KID "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static void headers_are_strict(void **state)
{
    static const struct {
        const char *header;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\"}", DROVER_OK, ""},
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\",\"jku\":\"http://x/\"}", DROVER_OK, ""}, /* not looked at */
        {"{\"alg\":\"a name too long to be known\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\"}", DROVER_OK, ""},
        {"{\"kid\":\"" KID "\",\"typ\":\"" TYP "\"}", DROVER_MISSING, "alg"},
        {"{\"alg\":7,\"kid\":\"" KID "\",\"typ\":\"" TYP "\"}", DROVER_TYPE, "alg"},
        {"{\"alg\":\"EdDSA\",\"typ\":\"" TYP "\"}", DROVER_MISSING, "kid"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"release\",\"typ\":\"" TYP "\"}", DROVER_SYNTAX, "kid"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "0\",\"typ\":\"" TYP "\"}", DROVER_SYNTAX, "kid"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A\",\"typ\":\"" TYP "\"}", DROVER_SYNTAX, "kid"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\"}", DROVER_MISSING, "typ"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}", DROVER_MISMATCH, "typ"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\",\"crit\":[\"exp\"],\"exp\":1}", DROVER_REFUSED, "crit"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\",\"crit\":[]}", DROVER_REFUSED, "crit"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\",\"b64\":true}", DROVER_REFUSED, "b64"},
        {"{\"alg\":\"none\",\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\"}", DROVER_DUPLICATE, "alg"},
        {"[]", DROVER_TYPE, "payload"},
        {"", DROVER_SYNTAX, "payload"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem = {0};
        struct buffer text;
        struct jws jws;
        enum drover_error error;

        buffer_init(&text, 0);
        buffer_add_text(&text, "{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"");
        add_encoded(&text, rows[i].header);
        buffer_add_text(&text, "\",\"signature\":\"AAAA\"}]}");
        error = jws_read(text.bytes, text.length, TYP, &jws, &problem);
        CHECK_PROBLEM(error, problem, rows[i].error, rows[i].where, rows[i].header);
        if (!error)
            jws_done(&jws);
        buffer_done(&text);
    }
}

/* %s is a good protected header. */
static void documents_are_strict(void **state)
{
    static const struct {
        const char *text;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_OK, ""},
        {"{\"payload\":\"\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}],\"note\":\"mine\"}", DROVER_OK, ""},
        {"{\"payload\":\"e30=\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_SYNTAX, "payload"},
        {"{\"payload\":\"e31\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_SYNTAX, "payload"}, /* bits left over */
        {"{\"payload\":\"e3\\n0\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_SYNTAX, "payload"},
        {"{\"payload\":\"e+/0\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_SYNTAX, "payload"},
        {"{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"%s=\",\"signature\":\"AAAA\"}]}", DROVER_SYNTAX, "protected"},
        {"{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"\"}]}", DROVER_SYNTAX, "signature"},
        {"{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAB\"}]}", DROVER_SYNTAX, "signature"},
        {"{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"%s\",\"header\":{\"kid\":\"x\"},\"signature\":\"AAAA\"}]}", DROVER_REFUSED, "header"},
        {"{\"payload\":\"e30\",\"signatures\":[{\"header\":{},\"signature\":\"AAAA\"}]}", DROVER_REFUSED, "header"},
        {"{\"payload\":\"e30\",\"signatures\":[{\"signature\":\"AAAA\"}]}", DROVER_MISSING, "protected"},
        {"{\"payload\":\"e30\",\"signatures\":[\"%s\"]}", DROVER_TYPE, "signatures"},
        {"{\"payload\":\"e30\",\"signatures\":[]}", DROVER_RANGE, "signatures"},
        {"{\"payload\":\"e30\",\"signatures\":{}}", DROVER_TYPE, "signatures"},
        {"{\"payload\":\"e30\"}", DROVER_TYPE, "signatures"},
        {"{\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_MISSING, "payload"},
        {"{\"payload\":{},\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_TYPE, "payload"},
        {"{\"payload\":\"e30\",\"payload\":\"e30\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_DUPLICATE, "payload"},
        {"{\"payload\":\"e30\",\"protected\":\"%s\",\"signature\":\"AAAA\"}", DROVER_REFUSED, "protected"}, /* the flattened form */
        {"{\"payload\":\"e30\",\"signature\":\"AAAA\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"AAAA\"}]}", DROVER_REFUSED, "signature"},
        {"%s.e30.AAAA", DROVER_TYPE, "payload"}, /* the compact form */
    };
    struct buffer header;

    (void)state;
    buffer_init(&header, 0);
    add_encoded(&header, "{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\"}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *hole = strstr(rows[i].text, "%s");
        struct problem problem = {0};
        struct buffer text;
        struct jws jws;
        enum drover_error error;

        buffer_init(&text, 0);
        buffer_add(&text, rows[i].text, hole ? (size_t)(hole - rows[i].text) : strlen(rows[i].text));
        if (hole) {
            buffer_add_text(&text, header.bytes);
            buffer_add_text(&text, hole + 2);
        }
        error = jws_read(text.bytes, text.length, TYP, &jws, &problem);
        CHECK_PROBLEM(error, problem, rows[i].error, rows[i].where, rows[i].text);
        if (!error)
            jws_done(&jws);
        buffer_done(&text);
    }
    buffer_done(&header);
}

/* Many signatures over a long payload would make a small text large in memory. */
static void sizes_are_limited(void **state)
{
    struct buffer text, header;
    struct jws jws;

    (void)state;
    buffer_init(&text, 0);
    buffer_init(&header, 0);
    add_encoded(&header, "{\"alg\":\"EdDSA\",\"kid\":\"" KID "\",\"typ\":\"" TYP "\"}");
    for (unsigned count = 1; count <= JWS_SIGNATURES_MAX + 1; count++)
        for (unsigned long_one = 0; long_one < 2; long_one++) {
            struct problem problem = {0};
            size_t payload = long_one ? 100000 : 4;
            enum drover_error wanted = count > JWS_SIGNATURES_MAX ? DROVER_RANGE : payload * count > JWS_SIGNED_BYTES_MAX ? DROVER_TOO_LONG : DROVER_OK, error;

            buffer_clear(&text);
            buffer_add_text(&text, "{\"payload\":\"");
            for (size_t i = 0; i < payload; i++)
                buffer_add_text(&text, "A");
            buffer_add_text(&text, "\",\"signatures\":[");
            for (unsigned i = 0; i < count; i++)
                buffer_add_format(&text, "%s{\"protected\":\"%s\",\"signature\":\"AAAA\"}", i ? "," : "", header.bytes);
            buffer_add_text(&text, "]}");
            error = jws_read(text.bytes, text.length, TYP, &jws, &problem);
            CHECK_PROBLEM(error, problem, wanted, "signatures", "count");
            if (!error)
                jws_done(&jws);
        }
    while (text.length <= JWS_BYTES_MAX)
        buffer_add_text(&text, "          ");
    assert_int_equal(jws_read(text.bytes, text.length, TYP, &jws, NULL), DROVER_TOO_LONG);
    buffer_done(&text);
    buffer_done(&header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfcs),    cmocka_unit_test(there_and_back_by_every_key), cmocka_unit_test(alg_is_bound_to_the_key),
        cmocka_unit_test(headers_are_strict),      cmocka_unit_test(documents_are_strict),        cmocka_unit_test(sizes_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
