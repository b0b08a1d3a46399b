/* See upgrade_log.h. Files in the folder: upgrade.log (the record), device.json and device.json.copy (what holds for ever, twice, because losing it
 * would open the door to old releases), history.log (for people). */
#include "agent/upgrade_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/durable.h"
#include "agent/upgrade_log_text.h"
#include "common/json.h"
#include "common/log.h"

#define RECORD_FILE "upgrade.log"
#define HISTORY_FILE "history.log"
#define HISTORY_BYTES (256 * 1024)

static const char *const memory_files[] = {"device.json", "device.json.copy"};
#define MEMORY_FILE_COUNT (sizeof memory_files / sizeof memory_files[0])

struct upgrade_log {
    int folder_fd;
    struct device_memory memory;   /* as on disk */
    bool memory_saved;             /* both copies hold it */
    struct buffer text;            /* kept, so that writing does not allocate each time */
};

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static struct device_memory memory_join(const struct device_memory *left, const struct device_memory *right)
{
    return (struct device_memory){
        .release_counter = larger(left->release_counter, right->release_counter),
        .floor_ms = larger(left->floor_ms, right->floor_ms),
        .notice_epoch = larger(left->notice_epoch, right->notice_epoch),
    };
}

static bool memory_is(const struct device_memory *left, const struct device_memory *right)
{
    return left->release_counter == right->release_counter && left->floor_ms == right->floor_ms && left->notice_epoch == right->notice_epoch;
}

/* --- opening --- */

/* What cannot be read because of the disk is an error; what can be read but not trusted is set aside. */
static bool is_foreign(enum drover_error error)
{
    return error != DROVER_OK && error != DROVER_NOT_FOUND && error != DROVER_IO && error != DROVER_NO_SPACE;
}

static enum drover_error record_load(const struct upgrade_log *log, struct upgrade_record *ret_record, struct problem *ret_problem)
{
    char text[LOG_TEXT_BYTES];
    struct problem problem = {.what = ""};
    size_t length;
    enum drover_error error = durable_read(log->folder_fd, RECORD_FILE, text, sizeof text, &length, &problem);

    *ret_record = (struct upgrade_record){.state = AGENT_IDLE};
    if (!error)
        error = upgrade_record_read(text, length, ret_record, &problem);
    if (is_foreign(error))
        durable_set_aside(log->folder_fd, RECORD_FILE, &problem);
    if (error == DROVER_IO)
        return problem_set(ret_problem, error, problem.where, "%s", problem.what);
    return DROVER_OK;
}

static enum drover_error memory_load(struct upgrade_log *log, struct problem *ret_problem)
{
    struct device_memory found[MEMORY_FILE_COUNT] = {{.release_counter = 0}};
    unsigned whole = 0, lost = 0;

    for (unsigned i = 0; i < MEMORY_FILE_COUNT; i++) {
        char text[LOG_TEXT_BYTES];
        struct problem problem = {.what = ""};
        size_t length;
        enum drover_error error = durable_read(log->folder_fd, memory_files[i], text, sizeof text, &length, &problem);

        if (!error)
            error = device_memory_read(text, length, &found[i], &problem);
        if (is_foreign(error))
            durable_set_aside(log->folder_fd, memory_files[i], &problem);
        whole += error == DROVER_OK;
        lost += error == DROVER_IO;
        if (error == DROVER_IO)
            (void)problem_set(ret_problem, error, problem.where, "%s", problem.what);
    }
    if (whole == 0 && lost > 0)
        return DROVER_IO;
    log->memory = memory_join(&found[0], &found[1]);
    log->memory_saved = whole == MEMORY_FILE_COUNT && memory_is(&found[0], &found[1]);
    return DROVER_OK;
}

enum drover_error upgrade_log_open(const char *dir, struct upgrade_log **ret_log, struct upgrade_record *ret_record, struct device_memory *ret_memory, struct problem *ret_problem)
{
    struct upgrade_log *log = calloc(1, sizeof *log);
    enum drover_error error;

    if (!log)
        return problem_set(ret_problem, DROVER_MEMORY, "upgrade_log", "out of memory");
    log->folder_fd = -1;
    buffer_init(&log->text, LOG_TEXT_BYTES);
    error = durable_folder(AT_FDCWD, dir, &log->folder_fd, ret_problem);
    if (!error)
        error = memory_load(log, ret_problem);
    if (!error)
        error = record_load(log, ret_record, ret_problem);
    if (error) {
        upgrade_log_close(log);
        return error;
    }
    *ret_memory = log->memory;
    *ret_log = log;
    return DROVER_OK;
}

void upgrade_log_close(struct upgrade_log *log)
{
    if (!log)
        return;
    if (log->folder_fd >= 0)
        close(log->folder_fd);
    buffer_done(&log->text);
    free(log);
}

/* --- writing --- */

static enum drover_error text_save(struct upgrade_log *log, const char *name, struct problem *ret_problem)
{
    if (log->text.failed)
        return problem_set(ret_problem, DROVER_TOO_LONG, name, "does not fit into %d bytes", LOG_TEXT_BYTES);
    return durable_replace(log->folder_fd, name, log->text.bytes, log->text.length, ret_problem);
}

/* One copy after the other: at any moment one of them is whole. Values only rise, whatever the caller says. */
static enum drover_error memory_save(struct upgrade_log *log, const struct device_memory *memory, struct problem *ret_problem)
{
    struct device_memory next = memory_join(&log->memory, memory);
    enum drover_error error = DROVER_OK;

    if (log->memory_saved && memory_is(&next, &log->memory))
        return DROVER_OK;
    buffer_clear(&log->text);
    device_memory_write(&next, &log->text);
    log->memory_saved = false;
    for (unsigned i = 0; !error && i < MEMORY_FILE_COUNT; i++)
        error = text_save(log, memory_files[i], ret_problem);
    if (error)
        return error;
    log->memory = next;
    log->memory_saved = true;
    return DROVER_OK;
}

/* The text is read back before it replaces anything: what would be set aside at the next start must not be written. */
enum drover_error upgrade_log_write(struct upgrade_log *log, const struct upgrade_record *record, const struct device_memory *memory, struct problem *ret_problem)
{
    struct upgrade_record again;
    enum drover_error error = memory_save(log, memory, ret_problem);

    if (error)
        return error;
    buffer_clear(&log->text);
    upgrade_record_write(record, &log->text);
    if (!log->text.failed)
        error = upgrade_record_read(log->text.bytes, log->text.length, &again, ret_problem);
    return error ? error : text_save(log, RECORD_FILE, ret_problem);
}

/* --- history --- */

static void line_write(struct buffer *line, int64_t unix_ms, const struct upgrade_record *record)
{
    char when[TEXT_TIME_SIZE];

    text_time(unix_ms, when);
    buffer_add_format(line, "%s state=%s upgrade=%s version=%s error=%s why=", when, agent_state_name(record->state), record->command.upgrade_id,
                      record->command.version, error_code_name(record->error));
    json_add_quoted(line, record->why);
    buffer_add_text(line, "\n");
}

/* Keeps the newest half, from the start of a line. */
static void history_cut(struct upgrade_log *log, int fd, int64_t size_bytes)
{
    size_t half = HISTORY_BYTES / 2;
    char *bytes = malloc(half);
    ssize_t got = bytes ? pread(fd, bytes, half, size_bytes - (int64_t)half) : -1;
    struct problem problem = {.what = ""};
    char *start = got > 0 ? memchr(bytes, '\n', (size_t)got) : NULL;

    if (!start) /* no line in 128 KiB: not ours */
        (void)unlinkat(log->folder_fd, HISTORY_FILE, 0);
    else if (durable_replace(log->folder_fd, HISTORY_FILE, start + 1, (size_t)(bytes + got - start - 1), &problem) != DROVER_OK)
        log_event(LOG_WARN, "history_not_cut", LOG_TEXT("why", problem.what));
    free(bytes);
}

static int history_open(struct upgrade_log *log, struct stat *ret_status)
{
    int fd = openat(log->folder_fd, HISTORY_FILE, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);

    if (fd >= 0 && (fstat(fd, ret_status) != 0 || !S_ISREG(ret_status->st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A line that a power cut left unfinished is ended first. */
static void history_add(int fd, int64_t size_bytes, const struct buffer *line)
{
    char last = '\n';

    if (size_bytes > 0 && pread(fd, &last, 1, size_bytes - 1) == 1 && last != '\n' && write(fd, "\n", 1) != 1)
        return;
    if (write(fd, line->bytes, line->length) != (ssize_t)line->length)
        log_event(LOG_WARN, "history_not_written", LOG_TEXT("why", strerror(errno)));
}

void upgrade_log_note(struct upgrade_log *log, int64_t unix_ms, const struct upgrade_record *record)
{
    struct stat status = {.st_size = 0};
    int fd = history_open(log, &status);

    if (fd >= 0 && status.st_size > HISTORY_BYTES) {
        history_cut(log, fd, status.st_size);
        close(fd);
        fd = history_open(log, &status);
    }
    if (fd < 0) {
        log_event(LOG_WARN, "history_not_written", LOG_TEXT("why", strerror(errno)));
        return;
    }
    buffer_clear(&log->text);
    line_write(&log->text, unix_ms, record);
    if (!log->text.failed)
        history_add(fd, status.st_size, &log->text);
    close(fd);
}
