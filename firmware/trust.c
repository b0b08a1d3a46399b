/* The store in memory, and the question it answers: did enough of the right keys sign these bytes? */
#include "firmware/trust.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "firmware/trust_count.h"

static const char *const role_names[TRUST_ROLE_COUNT] = {
    [TRUST_PACKAGE] = "package", [TRUST_DELTA] = "delta", [TRUST_PERMIT] = "permit", [TRUST_ROOT] = "root"};

const char *trust_role_name(enum trust_role role)
{
    return (unsigned)role < TRUST_ROLE_COUNT ? role_names[role] : "unknown";
}

bool trust_role_from_name(const char *name, enum trust_role *ret)
{
    for (unsigned i = 0; i < TRUST_ROLE_COUNT; i++)
        if (strcmp(role_names[i], name) == 0) {
            *ret = (enum trust_role)i;
            return true;
        }
    return false;
}

void trust_init(struct trust *trust)
{
    memset(trust, 0, sizeof *trust);
    for (unsigned i = 0; i < TRUST_ROLE_COUNT; i++)
        trust->thresholds[i] = 1;
}

void trust_done(struct trust *trust)
{
    for (unsigned i = 0; i < trust->key_count; i++)
        public_key_free(trust->keys[i].key);
    trust_init(trust);
}

struct trust_key *trust_find(struct trust *trust, const uint8_t key_id[KEY_ID_BYTES])
{
    for (unsigned i = 0; i < trust->key_count; i++)
        if (memcmp(public_key_id(trust->keys[i].key), key_id, KEY_ID_BYTES) == 0)
            return &trust->keys[i];
    return NULL;
}

enum drover_error trust_add(struct trust *trust, const struct trust_key *key, struct problem *ret_problem)
{
    struct trust_key copy = *key;

    if (!key_type_signs(public_key_type(key->key)))
        return problem_set(ret_problem, DROVER_MISMATCH, "key", "a key of type %s cannot sign", key_type_name(public_key_type(key->key)));
    if (key->roles == 0 || key->roles >= 1u << TRUST_ROLE_COUNT)
        return problem_set(ret_problem, DROVER_RANGE, "roles", "at least one of package, delta, permit, root");
    if (key->not_after_ms != 0 && key->not_after_ms <= key->not_before_ms)
        return problem_set(ret_problem, DROVER_RANGE, "not_after", "is not behind not_before");
    if (trust_find(trust, public_key_id(key->key)))
        return problem_set(ret_problem, DROVER_DUPLICATE, "key", "is in the trust store already");
    if (trust->key_count == TRUST_KEYS_MAX)
        return problem_set(ret_problem, DROVER_FULL, "keys", "at most %d", TRUST_KEYS_MAX);
    copy.key = public_key_copy(key->key);
    if (!copy.key)
        return problem_set(ret_problem, DROVER_MEMORY, "key", "no memory for a copy");
    trust->keys[trust->key_count++] = copy;
    return DROVER_OK;
}

/* What came of one signature; the later, the more an operator wants to know it. */
enum verdict { COUNTS, REPEATED, UNKNOWN_KEY, WRONG_ROLE, NOT_YET_VALID, KEY_EXPIRED, NOT_VALID, REVOKED, VERDICT_COUNT };

static const char *const verdict_texts[VERDICT_COUNT] = {
    [UNKNOWN_KEY] = "is not in the trust store", [WRONG_ROLE] = "has not this role",    [NOT_YET_VALID] = "is not valid yet",
    [KEY_EXPIRED] = "has expired",               [NOT_VALID] = "did not sign these bytes", [REVOKED] = "is revoked"};

static unsigned roles_for(enum trust_role role)
{
    return 1u << role | (role == TRUST_DELTA ? 1u << TRUST_PACKAGE : 0);
}

static enum verdict key_verdict(const struct trust_key *key, enum trust_role role, int64_t now_ms)
{
    if (key->revoked_ms != 0)
        return REVOKED;
    if (!(key->roles & roles_for(role)))
        return WRONG_ROLE;
    if (now_ms != 0 && key->not_before_ms != 0 && now_ms < key->not_before_ms)
        return NOT_YET_VALID;
    if (now_ms != 0 && key->not_after_ms != 0 && now_ms >= key->not_after_ms)
        return KEY_EXPIRED;
    return COUNTS;
}

static int key_index(const struct trust *trust, const uint8_t *key_id)
{
    for (unsigned i = 0; i < trust->key_count; i++)
        if (memcmp(public_key_id(trust->keys[i].key), key_id, KEY_ID_BYTES) == 0)
            return (int)i;
    return -1;
}

/* Reasons, the most useful first, as many as there is room for; each key's id is cut to what tells keys apart. */
static void reasons_add(char *what, size_t size, const struct trust *trust, const struct trust_claim *claims, const enum verdict *verdicts, unsigned count)
{
    size_t used = strlen(what);

    for (int wanted = VERDICT_COUNT - 1; wanted >= UNKNOWN_KEY; wanted--)
        for (unsigned i = 0; i < count; i++) {
            char id[17], reason[160];
            int index = key_index(trust, claims[i].key_id);
            const struct trust_key *key = index < 0 ? NULL : &trust->keys[index];
            int length;

            if ((int)verdicts[i] != wanted)
                continue;
            text_hex(id, claims[i].key_id, 8);
            length = snprintf(reason, sizeof reason, "; key %s%s%s%s %s%s%s", id, key && key->name[0] ? " (" : "", key ? key->name : "",
                              key && key->name[0] ? ")" : "", verdict_texts[wanted], wanted == (int)REVOKED && key->revoked_why[0] ? ": " : "",
                              wanted == (int)REVOKED ? key->revoked_why : "");
            if (length < 0 || used + 1 >= size)
                return;
            (void)text_copy_n(what + used, size - used, reason, (size_t)length < size - used ? (size_t)length : size - used - 1);
            used = strlen(what);
        }
}

static enum error_code refuse(const struct trust *trust, enum trust_role role, unsigned good, unsigned needed, const struct trust_claim *claims,
                              const enum verdict *verdicts, unsigned count, struct problem *ret_problem)
{
    char where[32], what[sizeof ret_problem->what];

    (void)snprintf(where, sizeof where, "%s signatures", trust_role_name(role));
    (void)snprintf(what, sizeof what, "%u of %u signatures", good, needed);
    reasons_add(what, sizeof what, trust, claims, verdicts, count);
    return package_refuse(ret_problem, E_SIGNATURE, where, "%s", what);
}

enum error_code trust_count(const struct trust *trust, enum trust_role role, const void *bytes, size_t length,
                            const struct trust_claim *claims, unsigned count, int64_t now_ms, struct problem *ret_problem)
{
    enum verdict verdicts[PACKAGE_SIGNATURES_MAX];
    bool counted[TRUST_KEYS_MAX] = {false};
    unsigned needed = trust->thresholds[role], good = 0;

    if (needed == 0 && role == TRUST_DELTA)
        return E_NONE;
    if (needed == 0)
        needed = 1;
    if (count > PACKAGE_SIGNATURES_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "signatures", "%u; at most %d", count, PACKAGE_SIGNATURES_MAX);
    for (unsigned i = 0; i < count && good < needed; i++) {
        int index = key_index(trust, claims[i].key_id);

        verdicts[i] = index < 0 ? UNKNOWN_KEY : counted[index] ? REPEATED : key_verdict(&trust->keys[index], role, now_ms);
        if (verdicts[i] == COUNTS && !claims[i].is_valid(claims[i].signature, trust->keys[index].key, bytes, length))
            verdicts[i] = NOT_VALID;
        if (verdicts[i] == COUNTS) {
            counted[index] = true;
            good++;
        }
    }
    return good >= needed ? E_NONE : refuse(trust, role, good, needed, claims, verdicts, count, ret_problem);
}

static bool raw_is_valid(const void *signature, const struct public_key *key, const void *bytes, size_t length)
{
    return signature_is_valid(signature, key, bytes, length);
}

enum error_code trust_check(const struct trust *trust, enum trust_role role, const void *bytes, size_t length,
                            const struct signature *signatures, unsigned count, int64_t now_ms, struct problem *ret_problem)
{
    struct trust_claim claims[PACKAGE_SIGNATURES_MAX];

    for (unsigned i = 0; i < count && i < PACKAGE_SIGNATURES_MAX; i++)
        claims[i] = (struct trust_claim){signatures[i].key_id, raw_is_valid, &signatures[i]};
    return trust_count(trust, role, bytes, length, claims, count, now_ms, ret_problem);
}
