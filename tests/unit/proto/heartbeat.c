/* Every field of a heartbeat lands where it belongs; what a status word means. */
#include "check.h"

#include "proto/heartbeat.h"

static void every_field_is_read(void **state)
{
    static const char text[] =
        "{\"schema\":1,\"model\":\"esp32\",\"version\":\"v1.4.2\",\"hw_rev\":\"C\",\"status\":\"busy\",\"slot\":\"b\","
        "\"boot_id\":\"boot-7\",\"uptime_s\":86423,\"seq\":12,\"network\":\"wifi\",\"rssi_dbm\":-61,\"battery_pct\":87,"
        "\"priority\":\"high\",\"tags\":\"berlin,floor-2\",\"tz\":\"Europe/Berlin\",\"managed\":true,\"device_id\":\"d1\"}";
    struct heartbeat heartbeat;

    (void)state;
    assert_int_equal(heartbeat_read("d1", text, sizeof text - 1, &heartbeat, NULL), DROVER_OK);
    assert_string_equal(heartbeat.device_id, "d1");
    assert_string_equal(heartbeat.model, "esp32");
    assert_string_equal(heartbeat.version, "1.4.2");
    assert_string_equal(heartbeat.hw_rev, "C");
    assert_string_equal(heartbeat.status, "busy");
    assert_int_equal(heartbeat.slot, 'b');
    assert_string_equal(heartbeat.boot_id, "boot-7");
    assert_int_equal(heartbeat.uptime_s, 86423);
    assert_int_equal(heartbeat.seq, 12);
    assert_string_equal(heartbeat.network, "wifi");
    assert_int_equal(heartbeat.rssi_dbm, -61);
    assert_int_equal(heartbeat.battery_pct, 87);
    assert_string_equal(heartbeat.priority, "high");
    assert_string_equal(heartbeat.tags, "berlin,floor-2");
    assert_string_equal(heartbeat.tz, "Europe/Berlin");
    assert_int_equal(heartbeat.kind, KIND_MANAGED);
}

static void absent_is_not_zero(void **state)
{
    static const char text[] = "{\"schema\":1,\"model\":\"esp32\",\"version\":\"1.0.0\"}";
    struct heartbeat heartbeat;
    struct buffer buffer;

    (void)state;
    memset(&heartbeat, 0x5A, sizeof heartbeat);
    assert_int_equal(heartbeat_read("d1", text, sizeof text - 1, &heartbeat, NULL), DROVER_OK);
    assert_true(heartbeat.uptime_s == ABSENT && heartbeat.seq == ABSENT);
    assert_true(heartbeat.rssi_dbm == ABSENT && heartbeat.battery_pct == ABSENT);
    assert_int_equal(heartbeat.slot, 0);
    assert_int_equal(heartbeat.kind, KIND_UNKNOWN);
    assert_string_equal(heartbeat.status, "");
    assert_string_equal(heartbeat.tags, "");
    buffer_init(&buffer, 0);
    heartbeat_write(&heartbeat, &buffer);
    assert_string_equal(buffer.bytes, text);
    buffer_done(&buffer);
}

static void simple_devices_say_so(void **state)
{
    static const char text[] = "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"managed\":false}";
    struct heartbeat heartbeat;

    (void)state;
    assert_int_equal(heartbeat_read("d1", text, sizeof text - 1, &heartbeat, NULL), DROVER_OK);
    assert_int_equal(heartbeat.kind, KIND_SIMPLE);
}

static void topic_id_must_fit(void **state)
{
    static const char text[] = "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\"}";
    char id[ID_SIZE + 1];
    struct heartbeat heartbeat;
    struct problem problem;

    (void)state;
    memset(id, 'x', sizeof id);
    id[ID_SIZE] = '\0';
    CHECK_PROBLEM(heartbeat_read(id, text, sizeof text - 1, &heartbeat, &problem), problem, DROVER_TOO_LONG, "device_id", "65");
    id[ID_SIZE - 1] = '\0';
    assert_int_equal(heartbeat_read(id, text, sizeof text - 1, &heartbeat, &problem), DROVER_OK);
}

static void status_words(void **state)
{
    static const struct {
        const char *status;
        enum health health;
    } rows[] = {
        {"", HEALTH_GOOD}, {"idle", HEALTH_GOOD}, {"busy", HEALTH_GOOD}, {"ok", HEALTH_GOOD}, {"running", HEALTH_GOOD},
        {"online", HEALTH_GOOD}, {"unhealthy", HEALTH_BAD}, {"error", HEALTH_BAD}, {"failed", HEALTH_BAD},
        {"degraded", HEALTH_BAD}, {"updating", HEALTH_NOT_READY}, {"starting", HEALTH_NOT_READY},
        {"IDLE", HEALTH_NOT_READY}, {"idle2", HEALTH_NOT_READY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_ROW(heartbeat_health(rows[i].status) == rows[i].health, rows[i].status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),   cmocka_unit_test(absent_is_not_zero),
        cmocka_unit_test(simple_devices_say_so), cmocka_unit_test(topic_id_must_fit),
        cmocka_unit_test(status_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
