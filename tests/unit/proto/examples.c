/* proto/examples as test data: a valid one is read, written and read again to the same values; an invalid one is refused
 * with the error and the place that invalid.tsv names, and leaves the struct alone. Use: test-proto-examples FOLDER */
#include "check.h"

#include <dirent.h>

#include "proto/command.h"
#include "proto/event.h"
#include "proto/field.h"
#include "proto/heartbeat.h"
#include "proto/notice.h"
#include "proto/online.h"
#include "proto/report.h"

#define DEVICE "dev-1" /* the id in the topic of every example */

static const char *folder;

union message {
    struct heartbeat heartbeat;
    struct report report;
    struct notice notice;
    struct command command;
    struct event event;
    bool online;
};

static enum drover_error read_heartbeat(const char *bytes, size_t length, union message *ret, struct problem *problem)
{
    return heartbeat_read(DEVICE, bytes, length, &ret->heartbeat, problem);
}

static enum drover_error read_report(const char *bytes, size_t length, union message *ret, struct problem *problem)
{
    return report_read(DEVICE, bytes, length, &ret->report, problem);
}

static enum drover_error read_online(const char *bytes, size_t length, union message *ret, struct problem *problem)
{
    return online_read(bytes, length, &ret->online, problem);
}

static enum drover_error read_notice(const char *bytes, size_t length, union message *ret, struct problem *problem)
{
    return notice_read(bytes, length, &ret->notice, problem);
}

static enum drover_error read_command(const char *bytes, size_t length, union message *ret, struct problem *problem)
{
    return command_read(bytes, length, &ret->command, problem);
}

static enum drover_error read_event(const char *bytes, size_t length, union message *ret, struct problem *problem)
{
    return event_read(bytes, length, &ret->event, problem);
}

static void write_heartbeat(const union message *message, struct buffer *buffer)
{
    heartbeat_write(&message->heartbeat, buffer);
}

static void write_report(const union message *message, struct buffer *buffer)
{
    report_write(&message->report, buffer);
}

static void write_online(const union message *message, struct buffer *buffer)
{
    online_write(message->online, buffer);
}

static void write_notice(const union message *message, struct buffer *buffer)
{
    notice_write(&message->notice, buffer);
}

static void write_command(const union message *message, struct buffer *buffer)
{
    command_write(&message->command, buffer);
}

static void write_event(const union message *message, struct buffer *buffer)
{
    event_write(&message->event, buffer);
}

static const struct kind {
    const char *name;
    enum drover_error (*read)(const char *bytes, size_t length, union message *ret, struct problem *problem);
    void (*write)(const union message *message, struct buffer *buffer);
    const struct field_table *tables[2];
    unsigned valid, invalid; /* at least so many examples, so that an empty folder is no success */
} kinds[] = {
    {"heartbeat", read_heartbeat, write_heartbeat, {&heartbeat_fields}, 10, 50},
    {"online", read_online, write_online, {&online_fields}, 4, 7},
    {"report", read_report, write_report, {&report_fields}, 12, 20},
    {"notice", read_notice, write_notice, {&notice_fields}, 4, 20},
    {"command", read_command, write_command, {&command_fields, &command_update_fields}, 8, 20},
    {"event", read_event, write_event, {&event_fields}, 5, 25},
};

static size_t file_read(const struct kind *kind, const char *name, char *bytes, size_t size)
{
    char path[1024];
    size_t length;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s/%s", folder, kind->name, name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    length = fread(bytes, 1, size, file);
    fclose(file);
    return length;
}

static bool field_equal(const struct field *field, const void *left, const void *right)
{
    const char *left_at = (const char *)left + field->offset, *right_at = (const char *)right + field->offset;

    switch (field->kind) {
    case FIELD_SCHEMA:
        return true;
    case FIELD_SLOT:
    case FIELD_CHOICE:
    case FIELD_CODE:
    case FIELD_INTEGER:
    case FIELD_BOOL:
    case FIELD_MANAGED:
        return memcmp(left_at, right_at, field->size) == 0;
    default:
        return strncmp(left_at, right_at, field->size) == 0;
    }
}

static void check_equal(const struct kind *kind, const char *name, const union message *left, const union message *right)
{
    for (size_t i = 0; i < COUNT_OF(kind->tables) && kind->tables[i]; i++)
        for (size_t j = 0; j < kind->tables[i]->count; j++)
            if (!field_equal(&kind->tables[i]->fields[j], left, right))
                fail_msg("%s/%s: %s is not the same when written and read again", kind->name, name, kind->tables[i]->fields[j].name);
}

static void check_valid(const struct kind *kind, const char *name)
{
    char bytes[16384];
    size_t length = file_read(kind, name, bytes, sizeof bytes);
    union message first, second;
    struct problem problem;
    struct buffer buffer;

    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    CHECK_PROBLEM(kind->read(bytes, length, &first, &problem), problem, DROVER_OK, "", name);
    buffer_init(&buffer, MESSAGE_SIZE);
    kind->write(&first, &buffer);
    assert_false(buffer.failed);
    CHECK_PROBLEM(kind->read(buffer.bytes, buffer.length, &second, &problem), problem, DROVER_OK, "", name);
    check_equal(kind, name, &first, &second);
    buffer_done(&buffer);
}

static unsigned check_valid_files(const struct kind *kind)
{
    char path[1024];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir;

    (void)snprintf(path, sizeof path, "%s/%s", folder, kind->name);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (strncmp(entry->d_name, "valid-", 6) == 0) {
            check_valid(kind, entry->d_name);
            count++;
        }
    closedir(dir);
    return count;
}

static void valid_examples_survive(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        assert_true(check_valid_files(&kinds[i]) >= kinds[i].valid);
}

/* "file<TAB>error<TAB>where<TAB>schema" */
static void check_invalid(const struct kind *kind, char *line)
{
    char bytes[16384], *file = strtok(line, "\t"), *error = strtok(NULL, "\t"), *where = strtok(NULL, "\t");
    union message message, untouched;
    struct problem problem = {0};
    enum drover_error got;
    size_t length;

    assert_non_null(where);
    length = file_read(kind, file, bytes, sizeof bytes);
    memset(&message, 0x5A, sizeof message);
    memset(&untouched, 0x5A, sizeof untouched);
    got = kind->read(bytes, length, &message, &problem);
    if (strcmp(drover_error_name(got), error) != 0 || strcmp(problem.where, where) != 0)
        fail_msg("%s/%s: %s at '%s' (%s), not %s at '%s'", kind->name, file, drover_error_name(got), problem.where,
                 problem.what, error, where);
    assert_true(strlen(problem.what) > 0);
    assert_memory_equal(&message, &untouched, sizeof message);
}

static void invalid_examples_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        char path[1024], line[512];
        unsigned count = 0;
        FILE *index;

        (void)snprintf(path, sizeof path, "%s/%s/invalid.tsv", folder, kinds[i].name);
        index = fopen(path, "r");
        assert_non_null(index);
        while (fgets(line, sizeof line, index))
            if (line[0] != '#') {
                check_invalid(&kinds[i], line);
                count++;
            }
        fclose(index);
        assert_true(count >= kinds[i].invalid);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_examples_survive),
        cmocka_unit_test(invalid_examples_are_refused),
    };

    if (argc != 2) {
        fprintf(stderr, "use: test-proto-examples FOLDER\n");
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
