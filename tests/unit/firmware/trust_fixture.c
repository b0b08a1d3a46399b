/* Keys are made once: RSA takes its time. */
#include "trust_fixture.h"

static struct private_key *made[KEY_TYPE_COUNT][KEYS_MAX];

void check_code(enum error_code got, enum error_code wanted, const struct problem *problem, const char *row)
{
    if (got != wanted)
        fail_msg("row '%s': %s, not %s (%s: %s)", row, got ? error_code_name(got) : "E_NONE", wanted ? error_code_name(wanted) : "E_NONE",
                 got ? problem->where : "", got ? problem->what : "");
}

const struct private_key *key_of(enum key_type type, unsigned index)
{
    struct problem problem;

    assert_true(index < KEYS_MAX);
    if (!made[type][index])
        assert_int_equal(private_key_generate(type, &made[type][index], &problem), DROVER_OK);
    return made[type][index];
}

const struct private_key *ed(unsigned index)
{
    return key_of(KEY_ED25519, index);
}

void keys_done(void)
{
    for (unsigned type = 0; type < KEY_TYPE_COUNT; type++)
        for (unsigned i = 0; i < KEYS_MAX; i++) {
            private_key_free(made[type][i]);
            made[type][i] = NULL;
        }
}

struct trust_key *store_add(struct trust *trust, const struct private_key *key, const char *name, unsigned roles)
{
    struct trust_key entry = {.key = private_key_public(key), .roles = roles};
    struct problem problem;

    assert_non_null(entry.key);
    (void)snprintf(entry.name, sizeof entry.name, "%s", name);
    assert_int_equal(trust_add(trust, &entry, &problem), DROVER_OK);
    public_key_free(entry.key);
    return &trust->keys[trust->key_count - 1];
}

struct signature sign(const struct private_key *key, const char *text)
{
    struct signature signature;
    struct problem problem;

    assert_int_equal(signature_make(key, 0, text, strlen(text), &signature, &problem), DROVER_OK);
    return signature;
}

struct buffer signed_store(const struct trust *trust, const struct private_key *const *keys, unsigned count)
{
    struct problem problem = {0};
    struct buffer jws;

    buffer_init(&jws, 0);
    if (trust_sign(trust, keys, count, &jws, &problem))
        fail_msg("%s: %s", problem.where, problem.what);
    return jws;
}

struct buffer text_of(const struct trust *trust)
{
    struct buffer text;

    buffer_init(&text, 0);
    trust_write(trust, &text);
    assert_false(text.failed);
    return text;
}
