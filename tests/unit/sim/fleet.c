/* Ids, models and kinds of a fleet. */
#include "check.h"

#include "sim/fleet.h"

static void models_are_read(void **state)
{
    struct fleet_models models;
    struct problem problem;

    (void)state;
    assert_int_equal(fleet_models_read("esp32=1.2.3:3,gateway", "v2.0.0", &models, &problem), DROVER_OK);
    assert_int_equal(models.count, 2);
    assert_int_equal(models.weights, 4);
    assert_string_equal(models.items[0].name, "esp32");
    assert_string_equal(models.items[0].version, "1.2.3");
    assert_string_equal(models.items[1].name, "gateway");
    assert_string_equal(models.items[1].version, "2.0.0");
}

static void bad_models_are_refused(void **state)
{
    static const char *const rows[] = {"", ",", "a,", "a b", "a=1", "a=1.0.0:0", "a:x", "a=:1", "a/b", "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_ROW(fleet_models_read(rows[i], "1.0.0", &(struct fleet_models){0}, &(struct problem){0}) != DROVER_OK, rows[i]);
}

static void ids_go_both_ways(void **state)
{
    static const char *const others[] = {"sim-", "sim-123456", "sim-12345678", "sim-12345x7", "sam-1234567", "", "1234567"};
    char id[ID_SIZE];
    uint32_t index;

    (void)state;
    fleet_id("sim-", 42, id);
    assert_string_equal(id, "sim-0000042");
    assert_true(fleet_index("sim-", id, &index) && index == 42);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        CHECK_ROW(!fleet_index("sim-", others[i], &index), others[i]);
}

static void a_fleet_has_the_kinds_and_models_it_should(void **state)
{
    static struct options options = {.prefix = "d", .devices = 600, .simple = 400};
    struct device_plan plan = {.seed = 5};
    struct fleet_models models;
    unsigned managed = 0, esp32 = 0;

    (void)state;
    assert_int_equal(fleet_models_read("esp32:3,gateway=7.0.0", "1.0.0", &models, &(struct problem){0}), DROVER_OK);
    for (uint32_t i = 0; i < 1000; i++) {
        struct device device, again;

        fleet_device(&options, &models, &plan, i, &device);
        fleet_device(&options, &models, &plan, i, &again);
        assert_memory_equal(&device, &again, sizeof device);
        managed += device.kind == KIND_MANAGED;
        esp32 += strcmp(device.model, "esp32") == 0;
        assert_string_equal(device_version(&device), strcmp(device.model, "esp32") == 0 ? "1.0.0" : "7.0.0");
    }
    assert_int_equal(managed, 600);
    assert_in_range(esp32, 680, 820);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_are_read),
        cmocka_unit_test(bad_models_are_refused),
        cmocka_unit_test(ids_go_both_ways),
        cmocka_unit_test(a_fleet_has_the_kinds_and_models_it_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
