/* The log: what was written is read back, member by member; what is torn or foreign is set aside; the history stays bounded. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/crc32.h"
#include "agent/upgrade_log.h"
#include "tests/fault/power_cut.h"
#include "tests/unit/common/check.h"

static char folder[256];

static int setup(void **state)
{
    (void)state;
    power_cut_folder_make(folder, sizeof folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    power_cut_folder_remove(folder);
    return 0;
}

static struct upgrade_log *must_open(struct upgrade_record *record, struct device_memory *memory)
{
    struct problem problem = {.what = ""};
    struct upgrade_log *log = NULL;

    if (upgrade_log_open(folder, &log, record, memory, &problem) != DROVER_OK)
        fail_msg("upgrade_log_open: %s: %s", problem.where, problem.what);
    return log;
}

static void must_write(struct upgrade_log *log, const struct upgrade_record *record, const struct device_memory *memory)
{
    struct problem problem = {.what = ""};

    if (upgrade_log_write(log, record, memory, &problem) != DROVER_OK)
        fail_msg("upgrade_log_write: %s: %s", problem.where, problem.what);
}

static struct upgrade_record sample(void)
{
    struct upgrade_record record = {
        .state = AGENT_CHECKING,
        .command = {.kind = COMMAND_UPDATE, .upgrade_id = "u-1", .rollout = "r1", .attempt = 2, .version = "1.1.0-rc.1+b", .deadline_ms = 1800000000000,
                    .url = "https://depot/artifacts/x?y=\"z\"", .size_bytes = 123456789, .delta = true, .base_version = "1.0.0"},
        .from_version = "1.0.0",
        .boot_id = "5f8f5a1e-1111-4222-8333-444455556666",
        .state_since_ms = 1769860800123,
        .wake_ms = 1769860830123,
        .tries = 3,
        .passes = 2,
        .report_seq = 41,
        .error = E_HEALTHCHECK,
        .why = "exit code 3: \"db\" is \\ down, caf\xC3\xA9",
        .outcome_due = true,
    };

    memset(record.command.sha256, 'a', SHA256_HEX_SIZE - 1);
    memset(record.command.manifest_sha256, '0', SHA256_HEX_SIZE - 1);
    return record;
}

static void records_equal(const struct upgrade_record *left, const struct upgrade_record *right)
{
    assert_int_equal(left->state, right->state);
    assert_int_equal(left->command.kind, right->command.kind);
    assert_string_equal(left->command.upgrade_id, right->command.upgrade_id);
    assert_string_equal(left->command.rollout, right->command.rollout);
    assert_int_equal(left->command.attempt, right->command.attempt);
    assert_string_equal(left->command.version, right->command.version);
    assert_int_equal(left->command.deadline_ms, right->command.deadline_ms);
    assert_string_equal(left->command.url, right->command.url);
    assert_int_equal(left->command.size_bytes, right->command.size_bytes);
    assert_string_equal(left->command.sha256, right->command.sha256);
    assert_string_equal(left->command.manifest_sha256, right->command.manifest_sha256);
    assert_int_equal(left->command.delta, right->command.delta);
    assert_string_equal(left->command.base_version, right->command.base_version);
    assert_string_equal(left->from_version, right->from_version);
    assert_string_equal(left->boot_id, right->boot_id);
    assert_int_equal(left->state_since_ms, right->state_since_ms);
    assert_int_equal(left->wake_ms, right->wake_ms);
    assert_int_equal(left->tries, right->tries);
    assert_int_equal(left->passes, right->passes);
    assert_int_equal(left->report_seq, right->report_seq);
    assert_int_equal(left->error, right->error);
    assert_string_equal(left->why, right->why);
    assert_int_equal(left->outcome_due, right->outcome_due);
}

static void a_new_device_has_nothing(void **state)
{
    struct upgrade_record record = sample();
    struct device_memory memory = {.release_counter = 9};
    char inner[300];
    struct problem problem;
    struct upgrade_log *log = NULL;

    (void)state;
    (void)snprintf(inner, sizeof inner, "%s/state", folder); /* is made */
    assert_int_equal(upgrade_log_open(inner, &log, &record, &memory, &problem), DROVER_OK);
    assert_int_equal(record.state, AGENT_IDLE);
    assert_string_equal(record.command.upgrade_id, "");
    assert_int_equal(memory.release_counter, 0);
    must_write(log, &record, &memory);
    upgrade_log_close(log);
    assert_int_equal(upgrade_log_open(inner, &log, &record, &memory, &problem), DROVER_OK);
    assert_int_equal(record.state, AGENT_IDLE);
    upgrade_log_close(log);
    upgrade_log_close(NULL);
}

static void what_was_written_is_read(void **state)
{
    struct upgrade_record record, written = sample();
    struct device_memory memory, kept = {.release_counter = 12, .floor_ms = 1769860800000, .notice_epoch = 3};
    struct upgrade_log *log = must_open(&record, &memory);

    (void)state;
    for (unsigned s = 0; s < AGENT_STATE_COUNT; s++) {
        written.state = (enum agent_state)s;
        must_write(log, &written, &kept);
        upgrade_log_close(log);
        log = must_open(&record, &memory);
        records_equal(&record, &written);
        assert_int_equal(memory.release_counter, 12);
        assert_int_equal(memory.floor_ms, kept.floor_ms);
        assert_int_equal(memory.notice_epoch, 3);
    }
    upgrade_log_close(log);
}

static void memory_only_rises(void **state)
{
    struct upgrade_record record;
    struct device_memory memory, high = {12, 1000, 3}, low = {11, 2000, 0};
    struct upgrade_log *log = must_open(&record, &memory);

    (void)state;
    must_write(log, &record, &high);
    must_write(log, &record, &low);
    upgrade_log_close(log);
    upgrade_log_close(must_open(&record, &memory));
    assert_int_equal(memory.release_counter, 12);
    assert_int_equal(memory.floor_ms, 2000);
    assert_int_equal(memory.notice_epoch, 3);
}

/* An unprintable reason must not make the log unwritable. */
static void any_reason_can_be_written(void **state)
{
    struct upgrade_record record, written = sample();
    struct device_memory memory;
    struct upgrade_log *log = must_open(&record, &memory);

    (void)state;
    (void)snprintf(written.why, sizeof written.why, "a\x1B[1m \xFF b");
    must_write(log, &written, &memory);
    upgrade_log_close(log);
    upgrade_log_close(must_open(&record, &memory));
    assert_string_equal(record.why, "a?[1m ? b");
}

static void path_of(const char *name, char ret[300])
{
    (void)snprintf(ret, 300, "%s/%s", folder, name);
}

static void file_write(const char *name, const char *text, size_t length)
{
    char path[300];
    FILE *file;

    path_of(name, path);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
}

static size_t file_read(const char *name, char *ret, size_t size)
{
    char path[300];
    FILE *file;
    size_t length;

    path_of(name, path);
    file = fopen(path, "r");
    if (!file)
        return 0;
    length = fread(ret, 1, size, file);
    fclose(file);
    return length;
}

static bool is_there(const char *name)
{
    char path[300];

    path_of(name, path);
    return access(path, F_OK) == 0;
}

/* Every byte changed, one after the other, and every shorter length. */
static void damage_is_noticed(void **state)
{
    struct upgrade_record record, written = sample();
    struct device_memory memory;
    struct upgrade_log *log = must_open(&record, &memory);
    char text[8192];
    size_t length;

    (void)state;
    must_write(log, &written, &memory);
    upgrade_log_close(log);
    length = file_read("upgrade.log", text, sizeof text);
    assert_true(length > 600);
    for (size_t i = 0; i + 1 < length; i += 1) {
        text[i] ^= 1;
        file_write("upgrade.log", text, length);
        text[i] ^= 1;
        upgrade_log_close(must_open(&record, &memory));
        assert_string_equal(record.command.upgrade_id, "");
        assert_false(is_there("upgrade.log"));
        assert_true(is_there("upgrade.log.bad"));
    }
    for (size_t i = 0; i + 1 < length; i += 7) {
        file_write("upgrade.log", text, i);
        upgrade_log_close(must_open(&record, &memory));
        assert_int_equal(record.state, AGENT_IDLE);
    }
}

/* Right checksums, written by an agent that knew less, and by one that knew more. */
static void other_releases_are_read(void **state)
{
    static const char *const rows[] = {
        "{\"state\":\"idle\",\"report_seq\":7}",
        "{\"state\":\"idle\",\"report_seq\":7,\"mood\":{\"deep\":[1]},\"error\":\"E_FROM_THE_FUTURE\"}",
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct upgrade_record record;
        struct device_memory memory;
        char text[512];
        int length = snprintf(text, sizeof text, "{\"schema\":1,\"crc32\":\"%08x\",\"data\":%s}\n", crc32_of(rows[i], strlen(rows[i])), rows[i]);

        file_write("upgrade.log", text, (size_t)length);
        upgrade_log_close(must_open(&record, &memory));
        assert_int_equal(record.report_seq, 7);
        assert_int_equal(record.error, i == 0 ? E_NONE : E_INTERNAL);
    }
    assert_false(is_there("upgrade.log.bad"));
}

/* One copy of the memory is enough; without any the device starts anew, and says so. */
static void memory_has_two_copies(void **state)
{
    static const char *const names[] = {"device.json", "device.json.copy"};
    struct upgrade_record record;
    struct device_memory memory, kept = {12, 1000, 3};
    struct upgrade_log *log = must_open(&record, &memory);

    (void)state;
    must_write(log, &record, &kept);
    upgrade_log_close(log);
    for (unsigned i = 0; i < 2; i++) {
        file_write(names[i], "{\"schema\":1", 11);
        log = must_open(&record, &memory);
        assert_int_equal(memory.release_counter, 12);
        must_write(log, &record, &memory); /* repairs the other */
        upgrade_log_close(log);
    }
    for (unsigned i = 0; i < 2; i++)
        file_write(names[i], "garbage", 7);
    upgrade_log_close(must_open(&record, &memory));
    assert_int_equal(memory.release_counter, 0);
    assert_true(is_there("device.json.bad") && is_there("device.json.copy.bad"));
}

static void what_is_no_file_is_not_read(void **state)
{
    struct upgrade_record record;
    struct device_memory memory;
    struct problem problem = {.what = ""};
    struct upgrade_log *log;
    char path[300];

    (void)state;
    path_of("upgrade.log", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    upgrade_log_close(must_open(&record, &memory));
    assert_true(is_there("upgrade.log.bad"));
    assert_int_equal(upgrade_log_open("/proc/no-such-folder", &log, &record, &memory, &problem), DROVER_IO);
    assert_true(problem.what[0] != '\0');
}

static void history_stays_bounded(void **state)
{
    static char text[600000];
    struct upgrade_record record, noted = sample();
    struct device_memory memory;
    struct upgrade_log *log = must_open(&record, &memory);
    struct stat status;
    char path[300];
    size_t length, largest = 0;

    (void)state;
    path_of("history.log", path);
    for (unsigned i = 0; i < 4000; i++) {
        (void)snprintf(noted.command.upgrade_id, sizeof noted.command.upgrade_id, "u-%u", i);
        upgrade_log_note(log, 1769860800123 + i, &noted);
        assert_int_equal(stat(path, &status), 0);
        largest = (size_t)status.st_size > largest ? (size_t)status.st_size : largest;
    }
    upgrade_log_close(log);
    length = file_read("history.log", text, sizeof text - 1);
    text[length] = '\0';
    assert_true(largest > 256 * 1024 && largest < 257 * 1024 && length < largest);
    assert_memory_equal(text, "2026-01-31T12:00:0", 18); /* from the start of a line */
    assert_non_null(strstr(text, "state=checking upgrade=u-3999 version=1.1.0-rc.1+b error=E_HEALTHCHECK why=\"exit code 3: \\\"db\\\" is"));
}

/* A line that was cut off does not swallow the next one. */
static void history_after_a_cut(void **state)
{
    struct upgrade_record record, noted = sample();
    struct device_memory memory;
    struct upgrade_log *log = must_open(&record, &memory);
    char text[2000];
    size_t length;

    (void)state;
    file_write("history.log", "2026-01-31T12:0", 15);
    upgrade_log_note(log, 0, &noted);
    upgrade_log_close(log);
    length = file_read("history.log", text, sizeof text - 1);
    text[length] = '\0';
    assert_memory_equal(text, "2026-01-31T12:0\n1970-01-01T00:00:00Z state=checking", 51);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_new_device_has_nothing), CASE(what_was_written_is_read), CASE(memory_only_rises), CASE(any_reason_can_be_written),
        CASE(damage_is_noticed), CASE(other_releases_are_read), CASE(memory_has_two_copies), CASE(what_is_no_file_is_not_read), CASE(history_stays_bounded), CASE(history_after_a_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
