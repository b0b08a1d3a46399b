/* Slots behind commands: what a command is told, what its answer means, and the command lines for RAUC and SWUpdate, written down by programs that
 * have their names. Where the real ones are installed, they parse our command lines, too. */
#include "agent/slots_backend.h"
#include "tests/fault/power_cut.h"
#include "tests/unit/agent/device.h"

static char root[256];
static char old_path[4096];

static int setup(void **state)
{
    char path[4700];

    (void)state;
    power_cut_folder_make(root, sizeof root);
    (void)snprintf(path, sizeof path, "%s/bin", root);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(old_path, sizeof old_path, "%s", getenv("PATH"));
    (void)snprintf(path, sizeof path, "%s/bin:%s", root, old_path);
    (void)setenv("PATH", path, 1);
    (void)setenv("TEST_ROOT", root, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)setenv("PATH", old_path, 1);
    power_cut_folder_remove(root);
    return 0;
}

static struct slots_config config_of(const char *backend, const char *running, const char *const *parts)
{
    static char staging[300];
    struct slots_config config = {.backend = backend, .dir = root, .running = running, .staging_dir = staging, .command_timeout_ms = 10000};

    (void)snprintf(staging, sizeof staging, "%s/staging", root);
    for (; parts && parts[config.part_count]; config.part_count++)
        (void)text_copy(config.parts[config.part_count].name, ID_SIZE, parts[config.part_count]);
    return config;
}

static const char *const two_parts[] = {"kernel", "rootfs", NULL};

/* Each command leaves a line of what it was told. */
static struct slots_config script_config(const char *running)
{
    struct slots_config config = config_of("script", running, two_parts);

    config.install_command = "echo install $DROVER_SLOT $DROVER_RUNNING $DROVER_PART $DROVER_VERSION $(wc -c < $DROVER_IMAGE) >> $TEST_ROOT/told";
    config.switch_command = "echo switch $DROVER_SLOT $DROVER_RUNNING $DROVER_TRIES $DROVER_VERSION >> $TEST_ROOT/told";
    config.confirm_command = "echo confirm $DROVER_SLOT $DROVER_RUNNING >> $TEST_ROOT/told";
    config.back_command = "echo back $DROVER_SLOT $DROVER_RUNNING >> $TEST_ROOT/told";
    return config;
}

static struct slots *must_open(const struct slots_config *config)
{
    struct problem problem = {.what = ""};
    struct slots *slots = NULL;

    if (slots_open(config, &slots, &problem) != DROVER_OK)
        fail_msg("slots_open: %s: %s", problem.where, problem.what);
    return slots;
}

static enum error_code stage(struct slots *slots, const char *part, const char *text, struct problem *problem)
{
    int fd = -1;
    enum error_code code = slots_open_part(slots, part, (int64_t)strlen(text), false, &fd, problem);

    if (code == E_NONE) {
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
    }
    return code;
}

static void told_is(const char *expected)
{
    char path[300], text[4096];
    int fd;
    ssize_t got;

    (void)snprintf(path, sizeof path, "%s/told", root);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[got < 0 ? 0 : got] = '\0';
    assert_string_equal(text, expected);
    if (fd >= 0)
        close(fd);
    (void)unlink(path);
}

static bool is_staged(const char *name)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s/staging/%s", root, name);
    return access(path, F_OK) == 0;
}

static void a_whole_upgrade(void **state)
{
    struct slots_config config = script_config("a");
    struct problem problem = {.what = ""};
    struct slots *slots = must_open(&config);
    struct slot_facts facts;
    int fd;

    (void)state;
    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    assert_int_equal(slots_open_part(slots, "modem", 1, false, &fd, &problem), E_INCOMPATIBLE);
    assert_int_equal(slots_open_base(slots, "kernel", &fd, &problem), E_DELTA_BASE);
    assert_int_equal(stage(slots, "kernel", "four", &problem), E_NONE);
    assert_int_equal(stage(slots, "rootfs", "eighteen", &problem), E_NONE);
    told_is("");
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_NONE);
    told_is("install b a kernel 1.1.0 4\ninstall b a rootfs 1.1.0 8\n");
    assert_false(is_staged("kernel") || is_staged("rootfs"));
    assert_int_equal(slots_switch(slots, 3, &problem), E_NONE);
    told_is("switch b a 3 1.1.0\n");
    slots_close(slots);
    config = script_config("b"); /* the boot loader did as it was told */
    slots = must_open(&config);
    slots_facts(slots, &facts);
    assert_true(facts.trying);
    assert_int_equal(slots_begin(slots, &problem), E_BUSY);
    assert_int_equal(slots_confirm(slots, &problem), E_NONE);
    told_is("confirm b b\n");
    assert_int_equal(slots_back(slots, &problem), E_NONE);
    told_is("back a b\n");
    slots_close(slots);
}

/* A trial that is ahead: before the slot is written the boot loader must hear that it is off. */
static void a_trial_is_called_off(void **state)
{
    struct slots_config config = script_config("a");
    struct problem problem = {.what = ""};
    struct slots *slots = must_open(&config);

    (void)state;
    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    assert_int_equal(stage(slots, "rootfs", "x", &problem), E_NONE);
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_NONE);
    assert_int_equal(slots_switch(slots, 2, &problem), E_NONE);
    told_is("install b a rootfs 1.1.0 1\nswitch b a 2 1.1.0\n");
    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    told_is("back a a\n");
    assert_int_equal(stage(slots, "rootfs", "x", &problem), E_NONE);
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_NONE);
    assert_int_equal(slots_switch(slots, 2, &problem), E_NONE);
    told_is("install b a rootfs 1.1.0 1\nswitch b a 2 1.1.0\n");
    assert_int_equal(slots_confirm(slots, &problem), E_NONE);
    told_is("back a a\nconfirm a a\n");
    slots_close(slots);
}

static void answers(void **state)
{
    static const struct { const char *command; enum error_code code; const char *what; } rows[] = {
        {"echo flash is worn out; exit 1", E_INSTALL, "exit code 1: flash is worn out"},
        {"exit 65", E_INCOMPATIBLE, "exit code 65"},
        {"echo full >&2; exit 73", E_NO_SPACE, "exit code 73: full"},
        {"exit 75", E_BUSY, "exit code 75"},
        {"kill -KILL $$", E_INSTALL, "ended by signal 9"},
        {"sleep 100", E_INSTALL, "no end within 300 ms"},
        {"/no/such/program 2>/dev/null", E_INSTALL, "exit code 127"},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct slots_config config = script_config("a");
        struct problem problem = {.what = ""};
        struct slots *slots;
        struct slot_facts facts;

        config.install_command = rows[i].command;
        config.command_timeout_ms = 300;
        slots = must_open(&config);
        assert_int_equal(slots_begin(slots, &problem), E_NONE);
        assert_int_equal(stage(slots, "rootfs", "x", &problem), E_NONE);
        CHECK_ROW(slots_finish(slots, "1.1.0", "", &problem) == rows[i].code, rows[i].command);
        assert_string_equal(problem.what, rows[i].what);
        assert_string_equal(problem.where, "install_command");
        slots_facts(slots, &facts);
        assert_false(facts.slots[SLOT_B].valid);
        assert_true(is_staged("rootfs")); /* for the next try */
        slots_close(slots);
    }
}

/* --- RAUC and SWUpdate --- */

static void program_put(const char *name, const char *text)
{
    char path[300];

    (void)snprintf(path, sizeof path, "%s/bin/%s", root, name);
    file_put(path, text, strlen(text), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

#define SAY_ARGUMENTS "#!/bin/sh\nprintf '%s' \"${0##*/}\" >> $TEST_ROOT/told\nfor word; do printf ' <%s>' \"$word\" >> $TEST_ROOT/told; done\necho >> $TEST_ROOT/told\n"

static void bundle_install(struct slots *slots)
{
    struct problem problem = {.what = ""};

    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    assert_int_equal(stage(slots, "bundle", "a bundle", &problem), E_NONE);
    if (slots_finish(slots, "1.1.0", "", &problem) != E_NONE)
        fail_msg("%s: %s", problem.where, problem.what);
    assert_int_equal(slots_switch(slots, 3, &problem), E_NONE);
}

static void told_about(const char *format)
{
    char expected[2048];
    size_t length = 0;

    for (; *format; format++) { /* @ stands for the root */
        if (*format == '@')
            length += (size_t)snprintf(expected + length, sizeof expected - length, "%s", root);
        else
            expected[length++] = *format;
    }
    expected[length] = '\0';
    told_is(expected);
}

static void rauc_is_driven(void **state)
{
    struct slots_config config = config_of("rauc", "a", NULL);
    struct problem problem = {.what = ""};
    struct slots *slots = must_open(&config);

    (void)state;
    program_put("rauc", SAY_ARGUMENTS);
    bundle_install(slots);
    told_about("rauc <install> <@/staging/bundle.raucb>\nrauc <status> <mark-active> <booted>\nrauc <status> <mark-active> <other>\n");
    assert_int_equal(slots_confirm(slots, &problem), E_NONE); /* the trial is off */
    told_about("rauc <status> <mark-active> <booted>\nrauc <status> <mark-good> <booted>\n");
    slots_close(slots);
    config = config_of("rauc", "b", NULL);
    slots = must_open(&config);
    assert_int_equal(slots_confirm(slots, &problem), E_NONE);
    assert_int_equal(slots_back(slots, &problem), E_NONE);
    told_about("rauc <status> <mark-good> <booted>\nrauc <status> <mark-active> <other>\n");
    slots_close(slots);
}

static void rauc_fails(void **state)
{
    struct slots_config config = config_of("rauc", "a", NULL);
    struct problem problem = {.what = ""};
    struct slots *slots = must_open(&config);

    (void)state;
    program_put("rauc", "#!/bin/sh\necho 'LastError: signature verification failed' >&2\necho 'Installing `x` failed'\nexit 1\n");
    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    assert_int_equal(stage(slots, "bundle", "a bundle", &problem), E_NONE);
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_INSTALL);
    assert_string_equal(problem.what, "exit code 1: signature verification failed");
    program_put("rauc", "#!/bin/sh\necho 'LastError: Installation error: Compatible mismatch: Expected x but bundle manifest has y'\nexit 1\n");
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_INCOMPATIBLE);
    slots_close(slots);
}

/* U-Boot's environment as a folder of files. */
#define FW_SETENV SAY_ARGUMENTS "mkdir -p $TEST_ROOT/env && printf '%s\\n' \"$2\" > $TEST_ROOT/env/$1\n"
#define FW_PRINTENV "#!/bin/sh\n[ \"$1\" = -n ] && cat $TEST_ROOT/env/$2\n"

static void swupdate_is_driven(void **state)
{
    bool configured = access("/etc/swupdate.cfg", F_OK) == 0;
    struct slots_config config = config_of("swupdate", "a", NULL);
    struct problem problem = {.what = ""};
    struct slots *slots = must_open(&config);

    (void)state;
    program_put("swupdate", SAY_ARGUMENTS);
    program_put("fw_setenv", FW_SETENV);
    program_put("fw_printenv", FW_PRINTENV);
    bundle_install(slots);
    slots_close(slots);
    told_about(configured ? "swupdate <-f> </etc/swupdate.cfg> <-l> <3> <-M> <-m> <-e> <stable,copy-2> <-i> <@/staging/bundle.swu>\n"
                            "fw_setenv <drover_good> <a>\nfw_setenv <bootlimit> <3>\nfw_setenv <bootcount> <0>\nfw_setenv <upgrade_available> <1>\nfw_setenv <drover_slot> <b>\n"
                          : "swupdate <-l> <3> <-M> <-m> <-e> <stable,copy-2> <-i> <@/staging/bundle.swu>\n"
                            "fw_setenv <drover_good> <a>\nfw_setenv <bootlimit> <3>\nfw_setenv <bootcount> <0>\nfw_setenv <upgrade_available> <1>\nfw_setenv <drover_slot> <b>\n");
    config = config_of("swupdate", "b", NULL);
    slots = must_open(&config);
    assert_int_equal(slots_confirm(slots, &problem), E_NONE);
    told_about("fw_setenv <drover_good> <b>\nfw_setenv <upgrade_available> <0>\n");
    assert_int_equal(slots_confirm(slots, &problem), E_NONE); /* the next boot: nothing to write */
    told_about("");
    assert_int_equal(slots_back(slots, &problem), E_NONE);
    told_about("fw_setenv <drover_good> <a>\nfw_setenv <drover_slot> <a>\n");
    slots_close(slots);
}

/* What 2022.12 really does: exit code 1 in spite of success, words of success after an error. */
static void swupdate_is_read(void **state)
{
    static const struct { const char *said; enum error_code code; const char *what; } rows[] = {
        {"echo '[INFO ] : SWUPDATE successful ! SWUPDATE successful !'; exit 1", E_NONE, ""},
        {"echo '[WARN ] : SWUPDATE running :  [mtd_init] : cannot open libmtd'; exit 0", E_NONE, ""},
        {"echo '[ERROR] : SWUPDATE failed [0] ERROR : CPIO Header corrupted'; echo '[ERROR] : SWUPDATE failed [1] Image invalid'\n"
         "echo '[INFO ] : SWUPDATE running :  [endupdate] : SWUpdate was successful !'; exit 1", E_INSTALL, "exit code 1: CPIO Header corrupted"},
        {"echo '[ERROR] : SWUPDATE failed [0] ERROR : SW not compatible with hardware'; exit 1", E_INCOMPATIBLE, "exit code 65: SW not compatible with hardware"},
        {"echo '[ERROR] : a'; echo 'SWUPDATE successful !'; exit 1", E_INSTALL, "exit code 1: SWUPDATE successful !"},
        {"exit 1", E_INSTALL, "exit code 1"},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct slots_config config = config_of("swupdate", "a", NULL);
        struct problem problem = {.what = ""};
        struct slots *slots = must_open(&config);
        char program[512];

        (void)snprintf(program, sizeof program, "#!/bin/sh\n%s\n", rows[i].said);
        program_put("swupdate", program);
        assert_int_equal(slots_begin(slots, &problem), E_NONE);
        assert_int_equal(stage(slots, "bundle", "a bundle", &problem), E_NONE);
        CHECK_ROW(slots_finish(slots, "1.1.0", "", &problem) == rows[i].code, rows[i].said);
        assert_string_equal(problem.what, rows[i].what);
        slots_close(slots);
    }
}

static void own_commands_win(void **state)
{
    struct slots_config config = config_of("swupdate", "a", NULL);
    struct slots *slots;

    (void)state;
    config.install_command = "echo swupdate-client \"$DROVER_IMAGE\" >> $TEST_ROOT/told";
    config.switch_command = "echo own switch >> $TEST_ROOT/told";
    slots = must_open(&config);
    bundle_install(slots);
    told_about("swupdate-client @/staging/bundle.swu\nown switch\n");
    slots_close(slots);
}

/* As RAUC does: a read lease is refused while anybody has the file open for writing. */
static void staged_files_are_let_go(void **state)
{
    struct slots_config config = script_config("a");
    struct problem problem = {.what = ""};
    struct slots *slots;

    (void)state;
    config.install_command = "/usr/bin/python3 -c 'import fcntl, os, sys; fcntl.fcntl(os.open(sys.argv[1], os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)'"
                             " $DROVER_IMAGE && test -e $TEST_ROOT/ready";
    slots = must_open(&config);
    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    assert_int_equal(stage(slots, "kernel", "x", &problem), E_NONE);
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_INSTALL);
    assert_string_equal(problem.what, "exit code 1"); /* from test; an exception would have a last line */
    program_put("../ready", "");
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_NONE);
    slots_close(slots);
}

/* The real program must get as far as its own reasons: no bus, no bundle; never "that is no option of mine". */
static void real_program_parses(void **state)
{
    const char *backend = *state;
    struct slots_config config = config_of(backend, "a", NULL);
    struct problem problem = {.what = ""};
    struct slots *slots;

    (void)setenv("LC_ALL", "C", 1);
    slots = must_open(&config);
    assert_int_equal(slots_begin(slots, &problem), E_NONE);
    assert_int_equal(stage(slots, "bundle", "not a bundle", &problem), E_NONE);
    assert_int_equal(slots_finish(slots, "1.1.0", "", &problem), E_INSTALL);
    print_message("%s: %s\n", backend, problem.what);
    assert_memory_equal(problem.what, "exit code ", 10);
    assert_null(strcasestr(problem.what, "usage"));
    assert_null(strcasestr(problem.what, "option"));
    slots_close(slots);
}

static bool is_installed(const char *program)
{
    char command[64];

    (void)snprintf(command, sizeof command, "command -v %s >/dev/null", program);
    return system(command) == 0;
}

/* With the name of a back end: only the real program, or 77 (skipped). */
int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_whole_upgrade), CASE(a_trial_is_called_off), CASE(answers), CASE(rauc_is_driven), CASE(rauc_fails), CASE(swupdate_is_driven), CASE(swupdate_is_read),
        CASE(own_commands_win), CASE(staged_files_are_let_go),
    };
    const struct CMUnitTest real[] = {{"the real program", real_program_parses, setup, teardown, argc > 1 ? argv[1] : NULL}};

    if (argc > 1 && !is_installed(argv[1])) {
        printf("skipped: %s is not installed\n", argv[1]);
        return 77;
    }
    if (argc > 1)
        return cmocka_run_group_tests(real, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
