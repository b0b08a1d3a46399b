/* Slots, with the power going at every single change of the disk of two whole upgrades (install, switch, boot, confirm; or go back), in each of the
 * five ways a disk may look afterwards. Then the device boots: the slot is whole, every slot that is called valid is whole, what was promised
 * holds, and the next upgrade goes through. */
#include "tests/fault/power_cut.h"
#include "tests/unit/agent/device.h"

static const char *const versions[] = {"1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0"};

#define NEED(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #condition, problem.where, problem.what); \
            return 1;                                                                    \
        }                                                                                \
    } while (0)

static const char *backend_of(const char *story)
{
    static const char *const backends[] = {"file", "block", "script"};

    for (unsigned i = 0; i < COUNT_OF(backends); i++)
        if (strncmp(story, backends[i], strlen(backends[i])) == 0)
            return backends[i];
    return "";
}

/* A device whose boot loader boots what the file `next` says, and whose commands are these. They are not cut themselves. */
static struct slots_config config_of(const char *root, const char *backend, enum slot running)
{
    static char staging[300];
    struct slots_config config = device_config(root, backend, strcmp(backend, "script") == 0 ? slot_name(running) : "");

    (void)snprintf(staging, sizeof staging, "%s/staging", root);
    (void)setenv("DEVICE", root, 1);
    config.staging_dir = staging;
    config.install_command = "cp \"$DROVER_IMAGE\" \"$DEVICE/$DROVER_SLOT-$DROVER_PART\"";
    config.switch_command = "echo $DROVER_SLOT > $DEVICE/next.new && mv $DEVICE/next.new $DEVICE/next";
    config.back_command = config.switch_command;
    return config;
}

static enum slot next_said(const char *root)
{
    char path[300], said = 'a';
    int fd;

    (void)snprintf(path, sizeof path, "%s/next", root);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, &said, 1) != 1)
        said = 'a';
    if (fd >= 0)
        close(fd);
    return said == 'a' ? SLOT_A : SLOT_B;
}

/* What an initramfs does: before the first boot.state it is what the factory put in. */
static enum drover_error power_on(const char *root, const char *backend, enum slot *ret_slot, struct problem *problem)
{
    enum drover_error error;

    if (strcmp(backend, "script") == 0) {
        *ret_slot = next_said(root);
        return DROVER_OK;
    }
    error = slots_boot(root, ret_slot, problem);
    if (error != DROVER_NOT_FOUND)
        return error;
    *ret_slot = SLOT_A;
    return DROVER_OK;
}

/* --- the story, in a process of its own --- */

static int upgrade(const char *root, const char *backend, const char *version, bool back)
{
    struct slots_config config;
    struct problem problem = {.what = ""};
    struct slots *slots = NULL;
    enum slot before, after;

    NEED(power_on(root, backend, &before, &problem) == DROVER_OK);
    config = config_of(root, backend, before);
    NEED(slots_open(&config, &slots, &problem) == DROVER_OK);
    NEED(image_install(slots, version, &problem) == E_NONE);
    power_cut_promise('i');
    NEED(slots_switch(slots, 2, &problem) == E_NONE);
    power_cut_promise('s');
    slots_close(slots);
    NEED(power_on(root, backend, &after, &problem) == DROVER_OK && after != before);
    power_cut_promise('t');
    config = config_of(root, backend, after);
    NEED(slots_open(&config, &slots, &problem) == DROVER_OK);
    NEED((back ? slots_back(slots, &problem) : slots_confirm(slots, &problem)) == E_NONE);
    power_cut_promise(back ? 'k' : 'c');
    slots_close(slots);
    NEED(power_on(root, backend, &after, &problem) == DROVER_OK && (after == before) == back);
    return 0;
}

static int story(const char *name, const char *root)
{
    bool back = strstr(name, "-back") != NULL;
    const char *backend = backend_of(name);
    int failed = upgrade(root, backend, versions[1], back);

    return failed ? failed : upgrade(root, backend, versions[2], back);
}

/* --- after the power came back --- */

static unsigned count_of(const char *promises, char letter)
{
    unsigned count = 0;

    for (; *promises; promises++)
        count += *promises == letter;
    return count;
}

/* The version whose images lie in the slot. */
static int version_in(const char *root, const char *backend, enum slot slot)
{
    for (unsigned i = 0; i < COUNT_OF(versions); i++)
        if (slot_is(root, backend, slot, versions[i]))
            return (int)i;
    return -1;
}

static struct slots *must_open(const char *root, const char *backend, enum slot running, struct slot_facts *facts)
{
    struct slots_config config = config_of(root, backend, running);
    struct problem problem = {.what = ""};
    struct slots *slots = NULL;

    if (slots_open(&config, &slots, &problem) != DROVER_OK)
        fail_msg("slots_open: %s: %s", problem.where, problem.what);
    slots_facts(slots, facts);
    return slots;
}

static void valid_slots_check(const char *root, const char *backend, const struct slot_facts *facts)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        int version = version_in(root, backend, (enum slot)slot);

        if (!facts->slots[slot].valid)
            continue;
        assert_true(version >= 0);
        if (facts->slots[slot].version[0])
            assert_string_equal(facts->slots[slot].version, versions[version]);
    }
}

/* An upgrade was confirmed: the device never shows an older version again. It went back: it is the first version again, unless on trial. */
static void promises_check(const char *promises, int version, bool trying, bool back)
{
    if (!back)
        assert_true(version >= (int)count_of(promises, 'c'));
    else if (!trying)
        assert_int_equal(version, 0);
    if (promises[0] && promises[strlen(promises) - 1] == 's')
        assert_true(trying); /* the switch was promised and nothing came after it */
}

static void next_upgrade_check(const char *root, const char *backend, enum slot running)
{
    struct slot_facts facts;
    struct problem problem = {.what = ""};
    struct slots *slots = must_open(root, backend, running, &facts);
    enum slot slot, again;

    if (facts.trying)
        assert_int_equal(slots_confirm(slots, &problem), E_NONE);
    assert_int_equal(image_install(slots, versions[3], &problem), E_NONE);
    assert_int_equal(slots_switch(slots, 1, &problem), E_NONE);
    slots_close(slots);
    assert_int_equal(power_on(root, backend, &slot, &problem), DROVER_OK);
    assert_int_not_equal(slot, facts.running);
    assert_true(slot_is(root, backend, slot, versions[3]));
    slots = must_open(root, backend, slot, &facts);
    assert_true(facts.trying && facts.running == slot);
    assert_int_equal(slots_confirm(slots, &problem), E_NONE);
    assert_int_equal(image_install(slots, versions[4], &problem), E_NONE);
    assert_int_equal(slots_switch(slots, 2, &problem), E_NONE);
    slots_close(slots);
    if (strcmp(backend, "script") == 0)
        return; /* its boot loader counts, not we */
    for (unsigned i = 0; i < 2; i++) { /* it never comes up */
        assert_int_equal(slots_boot(root, &again, &problem), DROVER_OK);
        assert_int_not_equal(again, slot);
        assert_true(slot_is(root, backend, again, versions[4]));
    }
    assert_int_equal(slots_boot(root, &again, &problem), DROVER_OK);
    assert_int_equal(again, slot);
}

static void after_cut_check(const char *root, const char *backend, const char *promises, bool back)
{
    struct problem problem = {.what = ""};
    struct slot_facts facts;
    enum slot slot = SLOT_A;
    int version;

    if (power_on(root, backend, &slot, &problem) != DROVER_OK)
        fail_msg("slots_boot: %s: %s", problem.where, problem.what);
    version = version_in(root, backend, slot);
    assert_true(version >= 0);
    slots_close(must_open(root, backend, slot, &facts));
    assert_int_equal(facts.running, slot);
    assert_true(facts.slots[slot].valid);
    valid_slots_check(root, backend, &facts);
    promises_check(promises, version, facts.trying, back);
    next_upgrade_check(root, backend, slot);
}

/* --- every point, every way --- */

static char last_point[512];

static unsigned points_run(const char *name, const char *mode)
{
    const char *backend = backend_of(name);
    char root[256], promises[64] = "";
    bool ended = false;
    unsigned at;

    for (at = 1; !ended; at += power_cut_stride()) {
        power_cut_folder_make(root, sizeof root);
        device_make(root, backend);
        ended = power_cut_run(&(struct power_cut){.story = name, .root = root, .mode = mode, .at = at}, promises);
        (void)snprintf(last_point, sizeof last_point, "%s, mode %s, call %u, promised '%s', in %s", name, mode, at, promises, root);
        after_cut_check(root, backend, promises, strstr(name, "-back") != NULL);
        power_cut_folder_remove(root);
    }
    return at - power_cut_stride();
}

static void every_point(void **state)
{
    static const char *const modes[] = {"before", "torn", "data", "all", "some"};

    for (unsigned i = 0; i < COUNT_OF(modes); i++) {
        unsigned points = points_run(*state, modes[i]);

        assert_true(points > 40);
        fprintf(stderr, "%s, %s: %u points\n", (const char *)*state, modes[i], points);
    }
}

int main(int argc, char **argv)
{
    static char names[][12] = {"file-good", "file-back", "block-good", "block-back", "script-good", "script-back"};
    const struct CMUnitTest tests[] = {
        {"a file device, upgraded twice", every_point, NULL, NULL, names[0]},
        {"a file device that goes back twice", every_point, NULL, NULL, names[1]},
        {"a block device, upgraded twice", every_point, NULL, NULL, names[2]},
        {"a block device that goes back twice", every_point, NULL, NULL, names[3]},
        {"a device with commands, upgraded twice", every_point, NULL, NULL, names[4]},
        {"a device with commands that goes back twice", every_point, NULL, NULL, names[5]},
    };

    int failed;

    if (argc == 3)
        return story(argv[1], argv[2]);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed)
        fprintf(stderr, "last point: %s\n", last_point);
    return failed;
}
