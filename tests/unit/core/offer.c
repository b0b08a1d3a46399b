/* Which package, and what the commands say. */
#include "tests/unit/core/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "orchestrator/core/offer.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_enter(&f, STATE_DISPATCHED);
    return 0;
}

static void a_delta_for_its_base_unless_one_failed(void **state)
{
    (void)state;
    assert_true(offer_wants_delta(&f.rollout, &f.upgrade));
    f.upgrade.full_only = true;
    assert_false(offer_wants_delta(&f.rollout, &f.upgrade));
    f.upgrade.full_only = false;
    strcpy(f.upgrade.from_version, "0.9.0");
    assert_false(offer_wants_delta(&f.rollout, &f.upgrade));
}

static void the_command_names_the_package_and_the_attempt(void **state)
{
    (void)state;
    struct command command;
    f.upgrade.delta = true;
    offer_update(&f.policy, &f.rollout, &f.upgrade, "http://depot:8080", &command);
    char url[URL_SIZE] = "http://depot:8080/artifacts/dddd?device=d1&upgrade=";
    strcat(url, f.upgrade.upgrade_id);
    strcat(url, "&attempt=1");
    assert_string_equal(command.url, url);
    assert_true(command.delta);
    assert_string_equal(command.base_version, "1.0.0");
    assert_int_equal(command.size_bytes, 50000);
    assert_int_equal(command.attempt, 1);
    assert_true(command.deadline_ms > f.upgrade.attempt_ms);
}

static void a_delta_that_is_gone_is_replaced_by_the_full_package(void **state)
{
    (void)state;
    struct command command;
    f.upgrade.delta = true;
    f.rollout.release.delta_count = 0;
    offer_update(&f.policy, &f.rollout, &f.upgrade, "http://depot", &command);
    assert_false(command.delta);
    assert_string_equal(command.sha256, "ffff");
    assert_string_equal(command.base_version, "");
    assert_int_equal(command.size_bytes, 1000000);
}

static void the_longest_names_fit_the_url(void **state)
{
    (void)state;
    struct command command;
    char base[256];
    memset(base, 'h', sizeof base - 1);
    base[255] = 0;
    memset(f.upgrade.device_id, 'd', ID_SIZE - 1);
    memset(f.upgrade.upgrade_id, 'a', UPGRADE_ID_SIZE - 1);
    memset(f.rollout.release.sha256, 'f', SHA256_HEX_SIZE - 1);
    f.upgrade.attempt = 1000;
    offer_update(&f.policy, &f.rollout, &f.upgrade, base, &command);
    assert_string_equal(command.url + strlen(command.url) - 13, "&attempt=1000");
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct command command, read;
    struct problem problem;
    memset(f.rollout.release.sha256, 'f', SHA256_HEX_SIZE - 1);
    memset(f.rollout.release.manifest_sha256, 'e', SHA256_HEX_SIZE - 1);
    offer_update(&f.policy, &f.rollout, &f.upgrade, "http://depot", &command);
    struct buffer buffer;
    buffer_init(&buffer, MESSAGE_SIZE);
    command_write(&command, &buffer);
    assert_false(buffer.failed);
    assert_int_equal(command_read(buffer.bytes, buffer.length, &read, &problem), DROVER_OK);
    assert_string_equal(read.url, command.url);
    assert_string_equal(read.manifest_sha256, f.rollout.release.manifest_sha256);
    assert_int_equal(read.kind, COMMAND_UPDATE);
    buffer_done(&buffer);
}

static void a_rollback_names_the_version_to_go_back_to(void **state)
{
    (void)state;
    struct command command;
    offer_rollback(&f.upgrade, "p1", &command);
    assert_int_equal(command.kind, COMMAND_ROLLBACK);
    assert_string_equal(command.version, "1.0.0");
    assert_string_equal(command.permit, "p1");
    offer_cancel(&f.upgrade, &command);
    assert_int_equal(command.kind, COMMAND_CANCEL);
    assert_string_equal(command.upgrade_id, f.upgrade.upgrade_id);
}

static void somebody_unnamed_gets_nobodys_attempt(void **state)
{
    (void)state;
    struct command command;
    offer_anonymous(&f.rollout, "http://depot", &command);
    assert_string_equal(command.url, "http://depot/artifacts/ffff");
    assert_string_equal(command.upgrade_id, "");
    assert_int_equal(command.attempt, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_delta_for_its_base_unless_one_failed, setup),
        cmocka_unit_test_setup(the_command_names_the_package_and_the_attempt, setup),
        cmocka_unit_test_setup(a_delta_that_is_gone_is_replaced_by_the_full_package, setup),
        cmocka_unit_test_setup(the_longest_names_fit_the_url, setup),
        cmocka_unit_test_setup(what_is_written_reads_back, setup),
        cmocka_unit_test_setup(a_rollback_names_the_version_to_go_back_to, setup),
        cmocka_unit_test_setup(somebody_unnamed_gets_nobodys_attempt, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
