/* Permits to go back: who may sign them, what they must say, when and for what they hold. */
#include "trust_fixture.h"

#include "common/text.h"
#include "firmware/jws.h"
#include "firmware/permit.h"

static struct trust trust;

static int begin(void **state)
{
    (void)state;
    trust_init(&trust);
    (void)store_add(&trust, ed(0), "permits", ROLE(PERMIT));
    (void)store_add(&trust, ed(1), "releases", ROLE(PACKAGE) | ROLE(DELTA) | ROLE(ROOT));
    return 0;
}

static int end(void **state)
{
    (void)state;
    trust_done(&trust);
    keys_done();
    return 0;
}

static struct permit good_permit(void)
{
    return (struct permit){.id = "p-1", .model = "esp32", .to_version = "1.0.0", .from_version = "1.1.0", .device_id = "d1", .rollout = "r1",
                           .not_before_ms = NOW_MS - DAY_MS, .expires_ms = NOW_MS + DAY_MS};
}

static struct buffer made(const struct permit *permit, const struct private_key *key)
{
    struct problem problem = {0};
    struct buffer jws;

    buffer_init(&jws, 0);
    CHECK_PROBLEM(permit_make(permit, &key, 1, &jws, &problem), problem, DROVER_OK, "", "permit_make");
    return jws;
}

static enum error_code read_at(const struct buffer *jws, int64_t now_ms, struct permit *permit, struct problem *problem)
{
    *problem = (struct problem){0};
    return permit_read(jws->bytes, jws->length, &trust, now_ms, permit, problem);
}

static void check_same(const struct permit *left, const struct permit *right)
{
    assert_string_equal(left->id, right->id);
    assert_string_equal(left->model, right->model);
    assert_string_equal(left->to_version, right->to_version);
    assert_string_equal(left->from_version, right->from_version);
    assert_string_equal(left->device_id, right->device_id);
    assert_string_equal(left->rollout, right->rollout);
    assert_int_equal(left->not_before_ms, right->not_before_ms);
    assert_int_equal(left->expires_ms, right->expires_ms);
}

static void there_and_back(void **state)
{
    struct permit permit = good_permit(), again;
    struct buffer jws = made(&permit, ed(0));
    struct problem problem;

    (void)state;
    CHECK_CODE(read_at(&jws, NOW_MS, &again, &problem), E_NONE, problem, "there and back");
    check_same(&again, &permit);
    buffer_done(&jws);
    permit.from_version[0] = permit.rollout[0] = '\0';
    (void)text_copy(permit.to_version, sizeof permit.to_version, "v1.0.0");
    jws = made(&permit, ed(0));
    CHECK_CODE(read_at(&jws, NOW_MS, &again, &problem), E_NONE, problem, "the least");
    assert_string_equal(again.to_version, "1.0.0");
    assert_string_equal(again.from_version, "");
    buffer_done(&jws);
}

static void what_cannot_be_made(void **state)
{
    const struct private_key *key = ed(0);
    struct permit permits[9];
    static const struct {
        enum drover_error error;
        const char *where;
    } wanted[] = {{DROVER_MISSING, "id"}, {DROVER_MISSING, "model"}, {DROVER_MISSING, "to_version"}, {DROVER_MISSING, "device_id"}, {DROVER_RANGE, "not_before"},
                  {DROVER_RANGE, "expires_at"}, {DROVER_RANGE, "expires_at"}, {DROVER_SYNTAX, "from_version"}, {DROVER_SYNTAX, "rollout"}};
    struct buffer jws;

    (void)state;
    buffer_init(&jws, 0);
    for (unsigned i = 0; i < COUNT_OF(permits); i++)
        permits[i] = good_permit();
    permits[0].id[0] = '\0';
    permits[1].model[0] = '\0';
    permits[2].to_version[0] = '\0';
    permits[3].device_id[0] = permits[3].rollout[0] = '\0';
    permits[4].not_before_ms = 0;
    permits[5].expires_ms = 0;
    permits[6].expires_ms = permits[6].not_before_ms;
    (void)text_copy(permits[7].from_version, sizeof permits[7].from_version, "1.0");
    (void)text_copy(permits[8].rollout, sizeof permits[8].rollout, "r 1");
    for (unsigned i = 0; i < COUNT_OF(permits); i++) {
        struct problem problem = {0};

        CHECK_PROBLEM(permit_make(&permits[i], &key, 1, &jws, &problem), problem, wanted[i].error, wanted[i].where, wanted[i].where);
        assert_int_equal(jws.length, 0);
    }
    buffer_done(&jws);
}

static void times(void **state)
{
    static const struct {
        const char *row;
        int64_t now_ms;
        enum error_code code;
    } rows[] = {{"too early", NOW_MS - DAY_MS - 1, E_EXPIRED}, {"its first moment", NOW_MS - DAY_MS, E_NONE}, {"its last moment", NOW_MS + DAY_MS - 1, E_NONE},
                {"too late", NOW_MS + DAY_MS, E_EXPIRED}, {"a clock at 1970", 1, E_EXPIRED}, {"a clock in the future", NOW_MS + 100 * YEAR_MS, E_EXPIRED}};
    struct permit permit = good_permit(), again;
    struct buffer jws = made(&permit, ed(0));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;

        CHECK_CODE(read_at(&jws, rows[i].now_ms, &again, &problem), rows[i].code, problem, rows[i].row);
    }
    buffer_done(&jws);
}

/* FIELD.md, attack 2: going back takes a permit by a key that may give one. */
static void attack_02_permits_by_the_wrong_hand(void **state)
{
    struct permit permit = good_permit(), again;
    struct buffer by_release = made(&permit, ed(1)), by_stranger = made(&permit, ed(2)), honest = made(&permit, ed(0)), other_kind;
    const struct private_key *key = ed(0);
    struct problem problem;

    (void)state;
    CHECK_CODE(read_at(&by_release, NOW_MS, &again, &problem), E_SIGNATURE, problem, "by a key for packages and roots");
    CHECK_CODE(read_at(&by_stranger, NOW_MS, &again, &problem), E_SIGNATURE, problem, "by a stranger");
    buffer_init(&other_kind, 0);
    assert_int_equal(jws_make("drover-trust+json", "{}", 2, &key, 1, &other_kind, &problem), DROVER_OK);
    CHECK_CODE(read_at(&other_kind, NOW_MS, &again, &problem), E_INCOMPATIBLE, problem, "a document of another kind");
    for (size_t i = 0; i < honest.length; i++) {
        honest.bytes[i] ^= 1;
        if (read_at(&honest, NOW_MS, &again, &problem) == E_NONE)
            fail_msg("taken with byte %zu changed", i);
        honest.bytes[i] ^= 1;
    }
    CHECK_CODE(read_at(&honest, NOW_MS, &again, &problem), E_NONE, problem, "and then the honest one");
    trust.thresholds[TRUST_PERMIT] = 2;
    CHECK_CODE(read_at(&honest, NOW_MS, &again, &problem), E_SIGNATURE, problem, "two are needed");
    trust.thresholds[TRUST_PERMIT] = 1;
    trust.keys[0].revoked_ms = NOW_MS;
    CHECK_CODE(read_at(&honest, NOW_MS, &again, &problem), E_SIGNATURE, problem, "the key was revoked");
    trust.keys[0].revoked_ms = 0;
    buffer_done(&by_release);
    buffer_done(&by_stranger);
    buffer_done(&honest);
    buffer_done(&other_kind);
}

/* What somebody else's tool may have signed. */
static void payloads_are_strict(void **state)
{
#define BODY "\"kind\":\"drover-permit\",\"schema\":1,\"id\":\"p\",\"model\":\"m\",\"to_version\":\"1.0.0\",\"not_before\":1"
    static const struct {
        const char *payload;
        enum error_code code;
    } rows[] = {
        {"{" BODY ",\"device_id\":\"d\",\"expires_at\":9000000000000}", E_NONE},
        {"{" BODY ",\"rollout\":\"r\",\"expires_at\":9000000000000,\"future\":[]}", E_NONE},
        {"{" BODY ",\"expires_at\":9000000000000}", E_INCOMPATIBLE},                         /* for nobody: that would be for everybody */
        {"{" BODY ",\"device_id\":\"\",\"expires_at\":9000000000000}", E_INCOMPATIBLE},
        {"{" BODY ",\"device_id\":\"d\"}", E_INCOMPATIBLE},                                  /* for ever */
        {"{" BODY ",\"device_id\":\"d\",\"expires_at\":0}", E_INCOMPATIBLE},
        {"{" BODY ",\"device_id\":\"d\",\"expires_at\":9007199254740993}", E_INCOMPATIBLE},
        {"{" BODY ",\"device_id\":\"d\",\"device_id\":\"e\",\"expires_at\":9000000000000}", E_INCOMPATIBLE},
        {"{" BODY ",\"device_id\":[\"d\"],\"expires_at\":9000000000000}", E_INCOMPATIBLE},
        {"{\"kind\":\"drover-package\",\"schema\":1}", E_INCOMPATIBLE},
        {"{}", E_INCOMPATIBLE},
        {"", E_INCOMPATIBLE},
    };
    const struct private_key *key = ed(0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;
        struct permit permit;
        struct buffer jws;

        buffer_init(&jws, 0);
        assert_int_equal(jws_make(PERMIT_TYP, rows[i].payload, strlen(rows[i].payload), &key, 1, &jws, &problem), DROVER_OK);
        CHECK_CODE(read_at(&jws, NOW_MS, &permit, &problem), rows[i].code, problem, rows[i].payload);
        buffer_done(&jws);
    }
}

static void what_it_allows(void **state)
{
    static const struct {
        struct permit_use use;
        const char *where;   /* NULL: allowed */
    } rows[] = {
        {{"esp32", "1.1.0", "1.0.0", "d1", "r1"}, NULL},
        {{"esp8266", "1.1.0", "1.0.0", "d1", "r1"}, "model"},
        {{"esp32", "1.1.0", "0.9.0", "d1", "r1"}, "to_version"},
        {{"esp32", "1.2.0", "1.0.0", "d1", "r1"}, "from_version"},
        {{"esp32", "1.1.0", "1.0.0", "d2", "r1"}, "device_id"},
        {{"esp32", "1.1.0", "1.0.0", "d1", "r2"}, "rollout"},
        {{"esp32", "1.1.0", "1.0.0", NULL, "r1"}, "device_id"},
        {{"esp32", "1.1.0", "1.0.0", "d1", NULL}, "rollout"},
        {{"esp32", NULL, "1.0.0", "d1", "r1"}, "from_version"},
        {{NULL, "1.1.0", "1.0.0", "d1", "r1"}, "model"},
        {{"esp32", "1.1.0", NULL, "d1", "r1"}, "to_version"},
    };
    struct permit permit = good_permit(), for_rollout = good_permit();
    struct problem problem;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        problem = (struct problem){0};
        CHECK_CODE(permit_allows(&permit, &rows[i].use, &problem), rows[i].where ? E_DOWNGRADE : E_NONE, problem, rows[i].where ? rows[i].where : "fits");
        if (rows[i].where)
            assert_string_equal(problem.where, rows[i].where);
    }
    for_rollout.device_id[0] = for_rollout.from_version[0] = '\0';
    CHECK_CODE(permit_allows(&for_rollout, &rows[4].use, &problem), E_NONE, problem, "any device of the rollout");
    CHECK_CODE(permit_allows(&for_rollout, &rows[3].use, &problem), E_NONE, problem, "from any version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(what_cannot_be_made), cmocka_unit_test(times), cmocka_unit_test(attack_02_permits_by_the_wrong_hand),
        cmocka_unit_test(payloads_are_strict), cmocka_unit_test(what_it_allows),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
