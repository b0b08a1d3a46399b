/* The shared beginning of the core's unit tests. */
#include "tests/unit/core/fixture.h"

#include <stdio.h>
#include <string.h>

static const struct policy usual = {
    .heartbeat_ms = 30000, .offline_after_ms = 90000, .silent_after_ms = 180000, .lost_give_up_ms = 604800000,
    .pending_ms = 5000, .acknowledge_ms = 30000, .acknowledge_repeats = 2, .start_ms = 300000,
    .download_stall_ms = 300000, .download_total_ms = 7200000, .install_ms = 900000, .verify_ms = 300000, .ready_ms = 30000,
    .unhealthy_max = 3, .boot_loop_max = 4, .rollback_ms = 60000, .rollback_repeats = 2,
    .retry_base_ms = 10000, .retry_cap_ms = 900000, .busy_ms = 60000, .busy_max = 20, .clash_ms = 3600000,
};

void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){.policy = usual};
    fixture->rollout = (struct rollout){.id = "r1", .model = "esp32", .version = "1.1.0", .state = ROLLOUT_RUNNING, .share_pct = 100,
                                        .max_in_flight = 100, .max_attempts = 3, .error_budget_pct = 100, .confirmations = 2, .soak_ms = 20000,
                                        .spread_s = 60};
    struct release *release = &fixture->rollout.release;
    *release = (struct release){.model = "esp32", .version = "1.1.0", .sha256 = "ffff", .manifest_sha256 = "eeee", .size_bytes = 1000000, .delta_count = 1};
    release->deltas[0] = (struct release_delta){.base_version = "1.0.0", .sha256 = "dddd", .size_bytes = 50000};
    fixture->device = (struct device){.online = true, .first_seen_ms = NOW - 1000000};
    snprintf(fixture->device.last.device_id, ID_SIZE, "d1");
    snprintf(fixture->device.last.model, ID_SIZE, "esp32");
    fixture->device.last.kind = KIND_MANAGED;
    fixture_beat(fixture, "1.0.0", "b1", "idle");
}

void fixture_beat(struct fixture *fixture, const char *version, const char *boot_id, const char *status)
{
    snprintf(fixture->device.last.version, VERSION_SIZE, "%s", version);
    snprintf(fixture->device.last.boot_id, BOOT_ID_SIZE, "%s", boot_id);
    snprintf(fixture->device.last.status, WORD_SIZE, "%s", status);
    fixture->device.seen_ms = NOW;
}

void fixture_enter(struct fixture *fixture, enum upgrade_state state)
{
    struct upgrade *upgrade = &fixture->upgrade;
    upgrade_init(upgrade, &fixture->rollout, &fixture->device, NOW - 60000);
    int64_t seen_ms = fixture->device.seen_ms;
    fixture->device.seen_ms = NOW - 60000;
    if (state != STATE_NONE)
        upgrade_begin_attempt(upgrade, &fixture->device, NOW - 60000);
    fixture->device.seen_ms = seen_ms;
    upgrade->state = state;
    upgrade->revision = 3;
    upgrade_set_why(upgrade, "some reason");
    upgrade->download_ms = NOW - 60000;
    upgrade->deadline_ms = upgrade_state_is_final(state) || state == STATE_NONE ? 0 : NOW;
}

struct situation fixture_situation(const struct fixture *fixture)
{
    return (struct situation){.now_ms = NOW, .random = 12345, .policy = &fixture->policy, .rollout = &fixture->rollout,
                              .running = &fixture->rollout, .in_flight = 1, .device = &fixture->device, .upgrade = &fixture->upgrade};
}
