/* The permit of a rollback command, held against the agent's own trust store: forged, expired, for others, and what the core makes of it. */
#include "tests/unit/firmware/trust_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_inside.h"
#include "firmware/permit.h"

static struct agent_settings settings;
static struct agent *agent;
static char text[COMMAND_PERMIT_SIZE];   /* the permit that comes with the command */

static int begin(void **state)
{
    (void)state;
    agent = calloc(1, sizeof *agent);
    if (!agent)
        return -1;
    settings = (struct agent_settings){.device_id = "d1", .device_model = "esp32", .rollback_needs_permit = true};
    agent->settings = &settings;
    agent->unix_ms = NOW_MS;
    (void)text_copy(agent->version, sizeof agent->version, "1.1.0");
    trust_init(&agent->trust);
    (void)store_add(&agent->trust, ed(0), "permits", ROLE(PERMIT));
    (void)store_add(&agent->trust, ed(1), "releases", ROLE(PACKAGE) | ROLE(DELTA));
    return 0;
}

static int end(void **state)
{
    (void)state;
    trust_done(&agent->trust);
    free(agent);
    keys_done();
    return 0;
}

static struct permit good(void)
{
    return (struct permit){.id = "p-1", .model = "esp32", .to_version = "1.0.0", .from_version = "1.1.0", .rollout = "r1",
                           .not_before_ms = NOW_MS - DAY_MS, .expires_ms = NOW_MS + DAY_MS};
}

static struct command rollback(const struct permit *permit, const struct private_key *key)
{
    struct command command = {.kind = COMMAND_ROLLBACK, .upgrade_id = "u1", .rollout = "r1", .attempt = 1, .version = "1.0.0"};
    struct problem problem;
    struct buffer jws;

    text[0] = '\0';
    buffer_init(&jws, 0);
    if (permit) {
        assert_int_equal(permit_make(permit, &key, 1, &jws, &problem), DROVER_OK);
        assert_true(text_copy_n(text, sizeof text, jws.bytes, jws.length));
    }
    buffer_done(&jws);
    return command;
}

static void check(const struct command *command, enum error_code wanted, const char *said)
{
    char why[WHAT_SIZE];
    enum error_code code = agent_permit_check(agent, command, text, why, sizeof why);

    if (code != wanted || !strstr(why, said))
        fail_msg("%s %s, wanted %s %s", error_code_name(code), why, error_code_name(wanted), said);
}

static void a_good_one(void **state)
{
    struct permit permit = good();
    struct command command = rollback(&permit, ed(0));

    (void)state;
    check(&command, E_NONE, "");
}

static void none_where_one_is_asked_for(void **state)
{
    struct command command = rollback(NULL, NULL);

    (void)state;
    check(&command, E_DOWNGRADE, "brings none");
    settings.rollback_needs_permit = false;
    check(&command, E_NONE, "");
    settings.rollback_needs_permit = true;
    command.kind = COMMAND_UPDATE;
    check(&command, E_NONE, "");
}

/* By a key without the role; by one that nobody knows; changed after it was signed; no JWS at all. */
static void forged(void **state)
{
    struct permit permit = good();
    struct command command = rollback(&permit, ed(1));

    (void)state;
    check(&command, E_DOWNGRADE, "");
    command = rollback(&permit, ed(2));
    check(&command, E_DOWNGRADE, "");
    command = rollback(&permit, ed(0));
    char *payload = strstr(text, "\"payload\":\"");
    assert_non_null(payload);
    payload[30] = payload[30] == 'A' ? 'B' : 'A';
    check(&command, E_DOWNGRADE, "");
    (void)text_copy(text, sizeof text, "please");
    check(&command, E_DOWNGRADE, "");
}

static void revoked(void **state)
{
    struct permit permit = good();
    struct command command = rollback(&permit, ed(0));

    (void)state;
    agent->trust.keys[0].revoked_ms = NOW_MS - 1;
    check(&command, E_DOWNGRADE, "revoked");
    agent->trust.keys[0].revoked_ms = 0;
    check(&command, E_NONE, "");
}

static void at_other_times(void **state)
{
    struct permit permit = good();
    struct command command = rollback(&permit, ed(0));

    (void)state;
    agent->unix_ms = permit.expires_ms;
    check(&command, E_DOWNGRADE, "expired");
    agent->unix_ms = permit.not_before_ms - 1;
    check(&command, E_DOWNGRADE, "not valid before");
    agent->unix_ms = NOW_MS;
    agent->memory.floor_ms = NOW_MS + 1;
    check(&command, E_DOWNGRADE, "clock is not believed");
    agent->memory.floor_ms = 0;
    check(&command, E_NONE, "");
}

static void for_something_else(void **state)
{
    static const struct {
        const char *said, *rollout, *model, *to_version, *from_version, *device_id;
    } rows[] = {
        {"rollout", "r2", "esp32", "1.0.0", "1.1.0", ""},     {"model", "r1", "esp8266", "1.0.0", "1.1.0", ""}, {"to_version", "r1", "esp32", "0.9.0", "1.1.0", ""},
        {"from_version", "r1", "esp32", "1.0.0", "1.2.0", ""}, {"device_id", "r1", "esp32", "1.0.0", "1.1.0", "d2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct permit permit = good();
        (void)text_copy(permit.rollout, sizeof permit.rollout, rows[i].rollout);
        (void)text_copy(permit.model, sizeof permit.model, rows[i].model);
        (void)text_copy(permit.to_version, sizeof permit.to_version, rows[i].to_version);
        (void)text_copy(permit.from_version, sizeof permit.from_version, rows[i].from_version);
        (void)text_copy(permit.device_id, sizeof permit.device_id, rows[i].device_id);
        struct command command = rollback(&permit, ed(0));
        check(&command, E_DOWNGRADE, rows[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one), cmocka_unit_test(none_where_one_is_asked_for), cmocka_unit_test(forged),
        cmocka_unit_test(revoked),    cmocka_unit_test(at_other_times),              cmocka_unit_test(for_something_else),
    };

    return cmocka_run_group_tests_name("agent-permit", tests, begin, end);
}
