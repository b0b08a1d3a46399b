/* Slots on files and on block devices: who is refused what, boot.state and its copies, and the boot loader's count. */
#include <errno.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "agent/crc32.h"
#include "agent/slots_boot_state.h"
#include "tests/fault/power_cut.h"
#include "tests/unit/agent/device.h"

static char root[256];

static int setup(void **state)
{
    power_cut_folder_make(root, sizeof root);
    device_make(root, *state ? *state : "file");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    power_cut_folder_remove(root);
    return 0;
}

static struct slots *must_open(const char *backend, const char *running)
{
    struct slots_config config = device_config(root, backend, running);
    struct problem problem = {.what = ""};
    struct slots *slots = NULL;

    if (slots_open(&config, &slots, &problem) != DROVER_OK)
        fail_msg("slots_open: %s: %s", problem.where, problem.what);
    return slots;
}

static struct slot_facts facts_of(const struct slots *slots)
{
    struct slot_facts facts;

    slots_facts(slots, &facts);
    return facts;
}

#define MUST(call)                                                           \
    do {                                                                     \
        struct problem problem = {.what = ""};                               \
        enum error_code code_ = call;                                        \
        if (code_ != E_NONE)                                                 \
            fail_msg("%s: %s: %s", #call, problem.where, problem.what);      \
    } while (0)

#define REFUSED(wanted, call)                                                \
    do {                                                                     \
        struct problem problem = {.what = ""};                               \
        enum error_code code_ = call;                                        \
        if (code_ != (wanted) || problem.what[0] == '\0')                    \
            fail_msg("%s: %s, '%s: %s'", #call, error_code_name(code_), problem.where, problem.what); \
    } while (0)

static enum slot must_boot(void)
{
    struct problem problem = {.what = ""};
    enum slot slot = SLOT_A;

    if (slots_boot(root, &slot, &problem) != DROVER_OK)
        fail_msg("slots_boot: %s: %s", problem.where, problem.what);
    return slot;
}

/* --- opening --- */

static void a_new_device(void **state)
{
    struct slots *slots = must_open("file", "");
    struct slot_facts facts = facts_of(slots);

    (void)state;
    assert_int_equal(facts.running, SLOT_A);
    assert_true(facts.slots[SLOT_A].valid);
    assert_false(facts.slots[SLOT_B].valid || facts.trying);
    assert_int_equal(facts.trial, SLOT_NO_TRIAL);
    REFUSED(E_INSTALL, slots_switch(slots, 2, &problem));
    REFUSED(E_ROLLED_BACK, slots_back(slots, &problem));
    REFUSED(E_INSTALL, slots_finish(slots, "1.1.0", "", &problem));
    slots_close(slots);
    slots_close(NULL);
    assert_int_equal(must_boot(), SLOT_A);
}

static void settings_that_cannot_be(void **state)
{
    struct { const char *row; enum drover_error error; const char *where; struct slots_config config; } rows[] = {
        {"no such back end", DROVER_NOT_FOUND, "slots.backend", device_config(root, "ubi", "")},
        {"running", DROVER_SYNTAX, "slots.running", device_config(root, "file", "c")},
        {"script needs to know", DROVER_SYNTAX, "slots.running", device_config(root, "script", "")},
        {"script without commands", DROVER_SYNTAX, "slots.install_command", device_config(root, "script", "a")},
        {"folder", DROVER_IO, "/proc/nothing", device_config("/proc/nothing", "file", "")},
        {"name of a part", DROVER_SYNTAX, "slots.parts", device_config(root, "file", "")},
        {"part twice", DROVER_SYNTAX, "slots.parts", device_config(root, "file", "")},
        {"too many parts", DROVER_SYNTAX, "slots.parts", device_config(root, "file", "")},
        {"block without parts", DROVER_SYNTAX, "slots.parts", device_config(root, "block", "")},
        {"no device", DROVER_NOT_FOUND, "kernel", device_config(root, "block", "")},
        {"relative device", DROVER_SYNTAX, "kernel", device_config(root, "block", "")},
        {"device is a folder", DROVER_SYNTAX, "kernel", device_config(root, "block", "")},
    };

    (void)state;
    (void)strcpy(rows[5].config.parts[1].name, "../etc");
    (void)strcpy(rows[6].config.parts[1].name, "kernel");
    rows[7].config.part_count = SLOT_PARTS_MAX + 1;
    rows[8].config.part_count = 0;
    (void)strcpy(rows[10].config.parts[0].device[0], "dev/sda");
    (void)strcpy(rows[11].config.parts[0].device[0], "/tmp");
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem = {.what = ""};
        struct slots *slots = NULL;

        CHECK_PROBLEM(slots_open(&rows[i].config, &slots, &problem), problem, rows[i].error, rows[i].where, rows[i].row);
        assert_null(slots);
    }
}

/* The same file under two names, in two slots: writing one would destroy the other. */
static void one_device_in_two_places(void **state)
{
    struct slots_config config = device_config(root, "block", "");
    struct problem problem = {.what = ""};
    struct slots *slots = NULL;
    char link_path[300];

    (void)state;
    (void)snprintf(link_path, sizeof link_path, "%s/by-name", root);
    assert_int_equal(symlink(config.parts[0].device[SLOT_A], link_path), 0);
    (void)text_copy(config.parts[1].device[SLOT_B], SLOT_PATH_SIZE, link_path);
    CHECK_PROBLEM(slots_open(&config, &slots, &problem), problem, DROVER_SYNTAX, "rootfs", "same device");
    assert_string_equal(problem.what, "slot b: this device is also part kernel of slot a");
}

/* --- installing --- */

static void installing_is_refused(void **state)
{
    struct slots *slots = must_open("file", "");
    int fd = -1;

    (void)state;
    REFUSED(E_INSTALL, slots_open_part(slots, "kernel", 10, false, &fd, &problem));
    MUST(slots_begin(slots, &problem));
    REFUSED(E_INCOMPATIBLE, slots_open_part(slots, "../a/kernel", 10, false, &fd, &problem));
    REFUSED(E_INCOMPATIBLE, slots_open_part(slots, "..", 10, false, &fd, &problem));
    REFUSED(E_INCOMPATIBLE, slots_open_part(slots, "", 10, false, &fd, &problem));
    REFUSED(E_INCOMPATIBLE, slots_open_part(slots, "modem", 10, false, &fd, &problem));
    REFUSED(E_INCOMPATIBLE, slots_open_part(slots, "kernel", -1, false, &fd, &problem));
    REFUSED(E_NO_SPACE, slots_open_part(slots, "kernel", INT64_C(1) << 50, false, &fd, &problem));
    REFUSED(E_DELTA_BASE, slots_open_base(slots, "../b/kernel", &fd, &problem));
    REFUSED(E_DELTA_BASE, slots_open_base(slots, "modem", &fd, &problem));
    assert_int_equal(fd, -1);
    REFUSED(E_INSTALL, slots_finish(slots, "1.1.0", "", &problem));
    MUST(part_write(slots, "kernel", "1.1.0", &problem));
    REFUSED(E_INCOMPATIBLE, slots_finish(slots, "1.1.0", "", &problem)); /* no rootfs */
    MUST(part_write(slots, "rootfs", "1.1.0", &problem));
    REFUSED(E_INSTALL, slots_finish(slots, "v1.1.0", "", &problem));
    REFUSED(E_INSTALL, slots_finish(slots, "1.1.0", "abc", &problem));
    MUST(slots_open_part(slots, "rootfs", 100, false, &fd, &problem));
    assert_int_equal(write(fd, "short", 5), 5);
    close(fd);
    REFUSED(E_INSTALL, slots_finish(slots, "1.1.0", "", &problem)); /* 5 of 100 bytes */
    assert_false(facts_of(slots).slots[SLOT_B].valid);
    slots_close(slots);
}

static void resuming_keeps_what_is_there(void **state)
{
    struct slots *slots = must_open("file", "");
    char image[IMAGE_BYTES_MAX], digest[SHA256_HEX_SIZE];
    size_t length = image_make("1.1.0", "rootfs", image);
    int fd;

    (void)state;
    memset(digest, 'd', sizeof digest - 1);
    digest[sizeof digest - 1] = '\0';
    MUST(slots_begin(slots, &problem));
    MUST(slots_open_part(slots, "rootfs", (int64_t)length + 100, false, &fd, &problem));
    assert_int_equal(pwrite(fd, image, 3000, 0), 3000);
    assert_int_equal(pwrite(fd, "tail of a longer one", 20, (off_t)length + 50), 20);
    close(fd);
    slots_close(slots); /* a crash */
    slots = must_open("file", "");
    MUST(slots_begin(slots, &problem));
    MUST(slots_open_part(slots, "rootfs", (int64_t)length, true, &fd, &problem));
    assert_int_equal(pwrite(fd, image + 3000, length - 3000, 3000), (ssize_t)(length - 3000));
    close(fd);
    MUST(part_write(slots, "kernel", "1.1.0", &problem));
    MUST(slots_finish(slots, "1.1.0", digest, &problem));
    assert_true(slot_is(root, "file", SLOT_B, "1.1.0"));
    assert_true(facts_of(slots).slots[SLOT_B].valid);
    assert_string_equal(facts_of(slots).slots[SLOT_B].manifest_sha256, digest);
    assert_string_equal(facts_of(slots).slots[SLOT_B].version, "1.1.0");
    slots_close(slots);
}

/* A part of the old release that the new one has not, and a folder of the file system. */
static void strangers_go(void **state)
{
    struct slots_config config = device_config(root, "file", "");
    struct problem why;
    struct slots *slots = NULL;
    char path[300];

    (void)state;
    config.part_count = 0; /* any part */
    assert_int_equal(slots_open(&config, &slots, &why), DROVER_OK);
    (void)snprintf(path, sizeof path, "%s/b/lost+found", root);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/b/devicetree", root);
    file_put(path, "old", 3, 0);
    MUST(image_install(slots, "1.1.0", &problem));
    assert_int_not_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/b/lost+found", root);
    assert_int_equal(access(path, F_OK), 0);
    slots_close(slots);
}

static void the_base_is_the_running_slot(void **state)
{
    static const char *const backends[] = {"file", "block"};

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        char image[IMAGE_BYTES_MAX], found[IMAGE_BYTES_MAX];
        size_t length = image_make("1.0.0", "kernel", image);
        struct slots *slots;
        int fd = -1;

        if (i > 0)
            device_make(root, backends[i]);
        slots = must_open(backends[i], "a");
        MUST(slots_open_base(slots, "kernel", &fd, &problem));
        assert_int_equal(read(fd, found, length), (ssize_t)length);
        assert_memory_equal(found, image, length);
        assert_int_equal(write(fd, "x", 1), -1);
        close(fd);
        slots_close(slots);
    }
}

static void a_device_that_is_too_small(void **state)
{
    struct slots *slots = must_open("block", "");
    int fd = -1;

    (void)state;
    MUST(slots_begin(slots, &problem));
    REFUSED(E_NO_SPACE, slots_open_part(slots, "kernel", DEVICE_BYTES + 1, false, &fd, &problem));
    MUST(slots_open_part(slots, "kernel", DEVICE_BYTES, false, &fd, &problem));
    close(fd);
    slots_close(slots);
}

/* --- switching, confirming, going back --- */

static void upgrade_and_boot(const char *backend, const char *version, unsigned tries)
{
    struct slots *slots = must_open(backend, "");

    MUST(image_install(slots, version, &problem));
    MUST(slots_switch(slots, tries, &problem));
    slots_close(slots);
    (void)must_boot();
}

static void a_good_upgrade(void **state)
{
    const char *backend = *state;
    struct slots *slots;
    struct slot_facts facts;

    upgrade_and_boot(backend, "1.1.0", 3);
    slots = must_open(backend, "");
    facts = facts_of(slots);
    assert_true(facts.trying && facts.running == SLOT_B && facts.tries_left == 2);
    assert_true(slot_is(root, backend, SLOT_B, "1.1.0"));
    REFUSED(E_BUSY, slots_begin(slots, &problem)); /* it would destroy the way back */
    REFUSED(E_BUSY, slots_switch(slots, 1, &problem));
    MUST(slots_confirm(slots, &problem));
    MUST(slots_confirm(slots, &problem));
    assert_false(facts_of(slots).trying);
    slots_close(slots);
    assert_int_equal(must_boot(), SLOT_B);
    assert_int_equal(must_boot(), SLOT_B);
    slots = must_open(backend, "");
    MUST(slots_back(slots, &problem)); /* an operator's rollback: a was confirmed, and is whole */
    MUST(slots_back(slots, &problem));
    assert_true(facts_of(slots).trying);
    slots_close(slots);
    assert_int_equal(must_boot(), SLOT_A);
    assert_true(slot_is(root, backend, SLOT_A, "1.0.0"));
}

static void the_count_runs_out(void **state)
{
    struct slots *slots;
    struct slot_facts facts;

    upgrade_and_boot(*state, "1.1.0", 2);
    assert_int_equal(must_boot(), SLOT_B);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(must_boot(), SLOT_A);
    slots = must_open(*state, "");
    facts = facts_of(slots);
    assert_int_equal(facts.running, SLOT_A);
    assert_int_equal(facts.trial, SLOT_TRIAL_SPENT);
    assert_false(facts.trying);
    REFUSED(E_ROLLED_BACK, slots_back(slots, &problem)); /* b never proved itself */
    MUST(image_install(slots, "1.2.0", &problem));
    assert_int_equal(facts_of(slots).trial, SLOT_NO_TRIAL);
    slots_close(slots);
}

static void a_trial_is_dropped(void **state)
{
    struct slots *slots = must_open("file", "");

    (void)state;
    MUST(image_install(slots, "1.1.0", &problem));
    REFUSED(E_INTERNAL, slots_switch(slots, 0, &problem));
    REFUSED(E_INTERNAL, slots_switch(slots, 100, &problem));
    MUST(slots_switch(slots, 2, &problem));
    assert_int_equal(facts_of(slots).trial, SLOT_TRIAL_AHEAD);
    MUST(slots_confirm(slots, &problem)); /* stay with a */
    assert_int_equal(facts_of(slots).trial, SLOT_NO_TRIAL);
    MUST(slots_switch(slots, 2, &problem));
    MUST(slots_begin(slots, &problem)); /* b is about to be written: nobody boots it */
    slots_close(slots);
    assert_int_equal(must_boot(), SLOT_A);
    slots = must_open("file", "");
    assert_false(facts_of(slots).slots[SLOT_B].valid);
    assert_int_equal(facts_of(slots).trial, SLOT_NO_TRIAL);
    slots_close(slots);
}

/* The boot loader took another slot than boot.state says: what runs is what counts, and confirming makes it so. */
static void another_slot_runs(void **state)
{
    struct slots *slots;

    (void)state;
    upgrade_and_boot("file", "1.1.0", 1);
    slots = must_open("file", "");
    MUST(slots_confirm(slots, &problem));
    slots_close(slots);
    slots = must_open("file", "a");
    assert_true(facts_of(slots).trying && facts_of(slots).running == SLOT_A);
    REFUSED(E_BUSY, slots_begin(slots, &problem));
    MUST(slots_confirm(slots, &problem));
    MUST(image_install(slots, "1.2.0", &problem));
    assert_true(slot_is(root, "file", SLOT_A, "1.0.0") && slot_is(root, "file", SLOT_B, "1.2.0"));
    slots_close(slots);
}

/* --- boot.state --- */

static void path_in_root(const char *name, char ret[300])
{
    (void)snprintf(ret, 300, "%s/%s", root, name);
}

static size_t file_get(const char *name, char *ret, size_t size)
{
    char path[300];
    int fd;
    ssize_t got;

    path_in_root(name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? 0 : read(fd, ret, size);
    if (fd >= 0)
        close(fd);
    return (size_t)(got < 0 ? 0 : got);
}

static void the_text_is_as_documented(void **state)
{
    struct boot_state written = {.sequence = 17, .active = SLOT_A, .booted = SLOT_B, .trying = SLOT_B, .tries = 2}, read_back;
    static const char expected[] = /* its checksum by Python's zlib.crc32 */
        "drover-boot-state 1\nsequence=17\nactive=a\nbooted=b\ntrying=b\ntries=2\na=good 1.0.0 -\n"
        "b=written 1.1.0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\ncrc32=16f5d8d6\n";
    char text[BOOT_STATE_BYTES];
    size_t length;

    (void)state;
    assert_int_equal(crc32_of("123456789", 9), 0xCBF43926); /* the check value of this CRC */
    written.slots[SLOT_A] = (struct slot_entry){.mark = SLOT_GOOD, .version = "1.0.0"};
    written.slots[SLOT_B] = (struct slot_entry){.mark = SLOT_WRITTEN, .version = "1.1.0"};
    memset(written.slots[SLOT_B].manifest_sha256, 'a', SHA256_HEX_SIZE - 1);
    length = boot_state_write(&written, text);
    assert_string_equal(text, expected);
    assert_int_equal(boot_state_read(text, length, &read_back, NULL), DROVER_OK);
    assert_true(boot_state_is(&written, &read_back));
}

static void every_damage_is_noticed(void **state)
{
    struct boot_state written = {.sequence = 1, .trying = NO_SLOT}, read_back;
    char text[BOOT_STATE_BYTES], damaged[BOOT_STATE_BYTES + 1];
    size_t length = boot_state_write(&written, text);

    (void)state;
    for (size_t i = 0; i < length; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(damaged, text, length);
            damaged[i] = (char)(damaged[i] ^ (1 << bit));
            assert_int_equal(boot_state_read(damaged, length, &read_back, NULL), DROVER_SYNTAX);
        }
    for (size_t shorter = 0; shorter < length; shorter++)
        assert_int_equal(boot_state_read(text, shorter, &read_back, NULL), DROVER_SYNTAX);
    memcpy(damaged, text, length);
    damaged[length] = '\n';
    assert_int_equal(boot_state_read(damaged, length + 1, &read_back, NULL), DROVER_SYNTAX);
}

/* Texts with a right checksum that still cannot be. */
static void contradictions_are_refused(void **state)
{
    struct boot_state good = {.sequence = 1, .active = SLOT_A, .trying = SLOT_B, .tries = 1}, bad, read_back;
    char text[BOOT_STATE_BYTES];

    (void)state;
    good.slots[SLOT_B].mark = SLOT_WRITTEN;
    assert_int_equal(boot_state_read(text, boot_state_write(&good, text), &read_back, NULL), DROVER_OK);
    bad = good, bad.trying = SLOT_A;
    assert_int_equal(boot_state_read(text, boot_state_write(&bad, text), &read_back, NULL), DROVER_SYNTAX);
    bad = good, bad.slots[SLOT_B].mark = SLOT_INVALID;
    assert_int_equal(boot_state_read(text, boot_state_write(&bad, text), &read_back, NULL), DROVER_SYNTAX);
    bad = good, bad.trying = NO_SLOT;
    assert_int_equal(boot_state_read(text, boot_state_write(&bad, text), &read_back, NULL), DROVER_SYNTAX);
    bad = good, bad.tries = 100;
    assert_int_equal(boot_state_read(text, boot_state_write(&bad, text), &read_back, NULL), DROVER_SYNTAX);
    bad = good, (void)strcpy(bad.slots[0].version, "1.0");
    assert_int_equal(boot_state_read(text, boot_state_write(&bad, text), &read_back, NULL), DROVER_SYNTAX);
}

/* One copy lost or damaged: the other one speaks, and both are whole again at the next start. */
static void one_copy_is_enough(void **state)
{
    static const char *const names[] = {"boot.state", "boot.state.copy"};
    char path[300], texts[2][BOOT_STATE_BYTES];

    (void)state;
    upgrade_and_boot("file", "1.1.0", 3);
    for (unsigned i = 0; i < 4; i++) {
        path_in_root(names[i % 2], path);
        if (i < 2)
            assert_int_equal(unlink(path), 0);
        else
            file_put(path, "drover-boot-state 1\n", 20, 0);
        slots_close(must_open("file", ""));
        assert_int_equal(file_get(names[0], texts[0], sizeof texts[0]), file_get(names[1], texts[1], sizeof texts[1]));
        assert_memory_equal(texts[0], texts[1], 100);
    }
    assert_int_equal(must_boot(), SLOT_B);
}

/* The power went between the copies: the newer one speaks, and the other one is brought up to it. */
static void an_older_copy_is_brought_up(void **state)
{
    char path[300], older[BOOT_STATE_BYTES], texts[2][BOOT_STATE_BYTES];
    struct boot_state new_state;
    size_t length;

    (void)state;
    slots_close(must_open("file", ""));
    length = file_get("boot.state.copy", older, sizeof older);
    upgrade_and_boot("file", "1.1.0", 3);
    path_in_root("boot.state.copy", path);
    file_put(path, older, length, 0);
    assert_int_equal(must_boot(), SLOT_B);
    length = file_get("boot.state", texts[0], sizeof texts[0]);
    assert_int_equal(file_get("boot.state.copy", texts[1], sizeof texts[1]), length);
    assert_memory_equal(texts[0], texts[1], length);
    assert_int_equal(boot_state_read(texts[0], length, &new_state, NULL), DROVER_OK);
    assert_int_equal(new_state.sequence, 5); /* made, finished, switched, booted twice; begin found the slot invalid already */
}

static void both_copies_are_damaged(void **state)
{
    struct slots_config config = device_config(root, "file", "");
    struct problem problem = {.what = ""};
    struct slots *slots = NULL;
    enum slot slot = SLOT_B;
    char path[300];

    (void)state;
    upgrade_and_boot("file", "1.1.0", 3);
    path_in_root("boot.state", path);
    file_put(path, "x", 1, 0);
    path_in_root("boot.state.copy", path);
    file_put(path, "", 0, 0);
    assert_int_equal(slots_boot(root, &slot, &problem), DROVER_SYNTAX);
    CHECK_PROBLEM(slots_open(&config, &slots, &problem), problem, DROVER_SYNTAX, "boot.state", "nobody says what runs");
    slots = must_open("file", "b");
    assert_int_equal(facts_of(slots).running, SLOT_B);
    assert_true(facts_of(slots).slots[SLOT_B].valid);
    assert_false(facts_of(slots).slots[SLOT_A].valid);
    slots_close(slots);
    path_in_root("boot.state.bad", path);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(must_boot(), SLOT_B);
}

static void without_a_boot_state(void **state)
{
    struct problem problem = {.what = ""};
    enum slot slot = SLOT_B;

    (void)state;
    assert_int_equal(slots_boot(root, &slot, &problem), DROVER_NOT_FOUND);
    assert_int_equal(slots_boot("/no/such/folder", &slot, &problem), DROVER_NOT_FOUND);
    assert_int_equal(slot, SLOT_B);
}

/* A state partition that cannot be written: a boot on trial that is not counted must not happen. */
static void what_cannot_be_counted_is_not_tried(void **state)
{
    pid_t child;
    int status;

    (void)state;
    upgrade_and_boot("file", "1.1.0", 9);
    if (geteuid() != 0) {
        assert_int_equal(chmod(root, 0555), 0);
        assert_int_equal(must_boot(), SLOT_A);
        assert_int_equal(chmod(root, 0755), 0);
        return;
    }
    assert_int_equal(chmod(root, 0755), 0);
    child = fork();
    if (child == 0) /* root may write anywhere; nobody may not */
        _exit(setuid(65534) == 0 && slots_boot(root, &(enum slot){SLOT_B}, NULL) == DROVER_OK && must_boot() == SLOT_A ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(must_boot(), SLOT_B);
}

/* --- real block devices: loop devices, which end with the descriptors that hold them --- */

static int loop_make(const char *file, char ret_device[SLOT_PATH_SIZE])
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), backing = open(file, O_RDWR | O_CLOEXEC);
    int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE), fd = -1;
    struct loop_config config = {.fd = (unsigned)backing, .info.lo_flags = LO_FLAGS_AUTOCLEAR};

    if (number >= 0) {
        (void)snprintf(ret_device, SLOT_PATH_SIZE, "/dev/loop%d", number);
        fd = open(ret_device, O_RDWR | O_CLOEXEC);
    }
    if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) != 0) {
        close(fd);
        fd = -1;
    }
    if (control >= 0)
        close(control);
    if (backing >= 0)
        close(backing);
    return fd;
}

#define LOOP_BYTES (1 << 20)
static int loop_fds[4];
static char loop_devices[4][SLOT_PATH_SIZE];

/* False: this machine has no loop devices for us. */
static bool loops_make(void)
{
    bool good = true;

    for (unsigned i = 0; i < 4; i++) {
        char path[300];

        (void)snprintf(path, sizeof path, "%s/disk-%u", root, i);
        file_put(path, "", 0, LOOP_BYTES);
        loop_fds[i] = good ? loop_make(path, loop_devices[i]) : -1;
        good &= loop_fds[i] >= 0;
    }
    return good;
}

static bool device_holds(const char *device, const char *version, const char *part)
{
    char image[IMAGE_BYTES_MAX], found[IMAGE_BYTES_MAX];
    size_t length = image_make(version, part, image);
    int fd = open(device, O_RDONLY | O_CLOEXEC);
    bool same = fd >= 0 && read(fd, found, length) == (ssize_t)length && memcmp(found, image, length) == 0;

    if (fd >= 0)
        close(fd);
    return same;
}

static void on_loop_devices(void **state)
{
    struct slots_config config = device_config(root, "block", "");
    struct problem why = {.what = ""};
    struct slots *slots = NULL;
    char mounted[2048];
    int fd = -1;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        (void)text_copy(config.parts[i / 2].device[i % 2], SLOT_PATH_SIZE, loop_devices[i]);
    assert_int_equal(slots_open(&config, &slots, &why), DROVER_OK);
    MUST(image_install(slots, "1.1.0", &problem));
    assert_true(device_holds(loop_devices[1], "1.1.0", "kernel") && device_holds(loop_devices[3], "1.1.0", "rootfs"));
    MUST(slots_begin(slots, &problem));
    REFUSED(E_NO_SPACE, slots_open_part(slots, "kernel", LOOP_BYTES + 1, false, &fd, &problem));
    MUST(slots_open_part(slots, "kernel", LOOP_BYTES, false, &fd, &problem));
    REFUSED(E_INSTALL, slots_open_part(slots, "kernel", LOOP_BYTES, false, &fd, &problem)); /* the first descriptor still holds it */
    close(fd);
    MUST(slots_begin(slots, &problem));
    (void)snprintf(mounted, sizeof mounted, "mkfs.ext2 -q %s >/dev/null 2>&1 && mkdir %s/mnt && mount %s %s/mnt", loop_devices[3], root, loop_devices[3], root);
    if (system(mounted) == 0) {
        REFUSED(E_INSTALL, slots_open_part(slots, "rootfs", 100, false, &fd, &problem));
        (void)snprintf(mounted, sizeof mounted, "%s/mnt", root);
        assert_int_equal(umount(mounted), 0);
    } else {
        print_message("not tried: mounting a file system\n");
    }
    MUST(slots_open_part(slots, "rootfs", 100, false, &fd, &problem));
    close(fd);
    slots_close(slots);
}

/* 77: skipped. */
static int loop_main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_loop_devices)};
    int failed = 77;

    power_cut_folder_make(root, sizeof root);
    if (geteuid() == 0 && loops_make())
        failed = cmocka_run_group_tests(tests, NULL, NULL);
    else
        printf("skipped: loop devices need root and /dev/loop-control\n");
    for (unsigned i = 0; i < 4; i++)
        if (loop_fds[i] > 0)
            close(loop_fds[i]);
    power_cut_folder_remove(root);
    return failed;
}

/* With any argument: only on loop devices. */
int main(int argc, char **argv)
{
    static char file[] = "file", block[] = "block";
#define CASE(name, backend) {#name " (" #backend ")", name, setup, teardown, backend}
    const struct CMUnitTest tests[] = {
        CASE(a_new_device, file), CASE(settings_that_cannot_be, file), CASE(one_device_in_two_places, block),
        CASE(installing_is_refused, file), CASE(resuming_keeps_what_is_there, file), CASE(strangers_go, file),
        CASE(the_base_is_the_running_slot, file), CASE(a_device_that_is_too_small, block),
        CASE(a_good_upgrade, file), CASE(a_good_upgrade, block), CASE(the_count_runs_out, file), CASE(the_count_runs_out, block),
        CASE(a_trial_is_dropped, file), CASE(another_slot_runs, file),
        CASE(the_text_is_as_documented, file), CASE(every_damage_is_noticed, file), CASE(contradictions_are_refused, file),
        CASE(one_copy_is_enough, file), CASE(an_older_copy_is_brought_up, file), CASE(both_copies_are_damaged, file), CASE(without_a_boot_state, file),
        CASE(what_cannot_be_counted_is_not_tried, file),
    };

    (void)argv;
    if (argc > 1)
        return loop_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
