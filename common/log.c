/* A line is built in a fixed buffer and leaves with one write(2), so that lines of threads and processes never mix.
 * Rate limiting: each event name has a slot with a one-second window; what is over the limit is only counted. */
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/text.h"

#define LINE_SIZE 2048
#define VALUE_BYTES 512       /* longest value kept */
#define EVENTS_A_SECOND 10    /* of one event name */
#define SLOT_COUNT 256        /* more event names than the program has; those beyond share the last slot */

struct slot {
    uint64_t hash;            /* of the event's name; 0: free */
    int64_t window_mono_ms;   /* when its second began */
    unsigned written;         /* lines in that second */
    uint64_t suppressed;      /* since the last line let through */
};

static struct {
    pthread_mutex_t mutex;
    struct slot slots[SLOT_COUNT];
    enum log_format format;
    char instance[ID_SIZE];
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int lowest_level = LOG_INFO; /* read without the mutex, by atomic loads */

struct line {
    char bytes[LINE_SIZE];
    size_t length;
    enum log_format format;
};

void log_configure(enum log_level level, enum log_format format, const char *instance)
{
    __atomic_store_n(&lowest_level, (int)level, __ATOMIC_RELAXED);
    pthread_mutex_lock(&state.mutex);
    state.format = format;
    (void)text_copy(state.instance, sizeof state.instance, instance);
    pthread_mutex_unlock(&state.mutex);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= __atomic_load_n(&lowest_level, __ATOMIC_RELAXED);
}

static struct slot *slot_find(uint64_t hash)
{
    size_t at = hash % SLOT_COUNT;

    for (unsigned tries = 0; tries < SLOT_COUNT; tries++, at = (at + 1) % SLOT_COUNT) {
        if (state.slots[at].hash == 0)
            state.slots[at].hash = hash;
        if (state.slots[at].hash == hash)
            return &state.slots[at];
    }
    return &state.slots[SLOT_COUNT - 1];
}

/* True when the event may be written now; *ret_suppressed is what was held back before it. */
static bool slot_pass(const char *event, uint64_t *ret_suppressed)
{
    struct slot *slot = slot_find(hash_text(event, 0) | 1);
    int64_t now = clock_mono_ms();

    if (slot->written == 0 || now - slot->window_mono_ms >= 1000) {
        slot->window_mono_ms = now;
        slot->written = 0;
    }
    if (slot->written >= EVENTS_A_SECOND) {
        slot->suppressed++;
        return false;
    }
    slot->written++;
    *ret_suppressed = slot->suppressed;
    slot->suppressed = 0;
    return true;
}

/* Room is kept for the end of the line, so that a cut line still ends in `}` and a newline. */
static void line_add(struct line *line, const char *bytes, size_t length)
{
    size_t room = LINE_SIZE - 8 - line->length;

    if (length > room)
        length = room;
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

/* One byte or character of a value, escaped; both formats use JSON's escapes. Returns how many bytes it took. */
static size_t line_add_escaped(struct line *line, const char *at, size_t left)
{
    size_t step = text_utf8_step(at, left);
    unsigned char c = (unsigned char)*at;
    char code[8];

    if (c == '"' || c == '\\') {
        line_add(line, (char[]){'\\', (char)c}, 2);
    } else if (c == '\n') {
        line_add(line, "\\n", 2);
    } else if (step == 0) {
        line_add(line, "\\ufffd", 6);
    } else if (!text_is_plain(at, step)) { /* a control character; C1 ones have their number in the second byte */
        (void)snprintf(code, sizeof code, "\\u%04x", step == 1 ? c : (unsigned char)at[1]);
        line_add(line, code, 6);
    } else {
        line_add(line, at, step);
    }
    return step ? step : 1;
}

/* Bare in logfmt when nothing in it could be misread. */
static bool value_is_bare(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"=\\", text[i]))
            return false;
    return length > 0;
}

static void line_add_value(struct line *line, const char *text)
{
    size_t length = strnlen(text, VALUE_BYTES + 1);
    bool cut = length > VALUE_BYTES;

    if (cut)
        length = VALUE_BYTES;
    if (line->format == LOG_LOGFMT && !cut && value_is_bare(text, length)) {
        line_add(line, text, length);
        return;
    }
    line_add(line, "\"", 1);
    for (size_t at = 0; at < length;)
        at += line_add_escaped(line, text + at, length - at);
    line_add(line, cut ? "...\"" : "\"", cut ? 4 : 1);
}

static void line_add_name(struct line *line, const char *name)
{
    bool json = line->format == LOG_JSON;

    if (line->length > 0)
        line_add(line, json ? "," : " ", 1);
    else if (json)
        line_add(line, "{", 1);
    if (json)
        line_add(line, "\"", 1);
    line_add(line, name, strlen(name));
    line_add(line, json ? "\":" : "=", json ? 2 : 1);
}

/* True while a whole field of this size still fits; a line is cut between fields, never inside one. */
static bool line_has_room(const struct line *line, const struct log_field *field)
{
    size_t value = field->text ? 6 * strnlen(field->text, VALUE_BYTES) : 20;

    return line->length + strlen(field->name) + value + 16 < LINE_SIZE - 8;
}

static void line_add_field(struct line *line, struct log_field field)
{
    char number[24];

    if (!line_has_room(line, &field))
        return;
    line_add_name(line, field.name);
    if (field.text) {
        line_add_value(line, field.text);
    } else {
        int length = snprintf(number, sizeof number, "%lld", (long long)field.number);

        line_add(line, number, (size_t)length);
    }
}

static void line_add_time(struct line *line)
{
    int64_t now_ms = clock_unix_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    char text[40], whole[48];
    struct tm utc;

    (void)gmtime_r(&now_s, &utc);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(whole, sizeof whole, "%s.%03dZ", text, (int)(now_ms % 1000));
    line_add_field(line, LOG_TEXT("ts", whole));
}

/* A log that cannot be written must not stop the program; there is nobody left to tell. */
static void line_write(struct line *line)
{
    size_t done = 0;

    if (line->format == LOG_JSON)
        line->bytes[line->length++] = '}';
    line->bytes[line->length++] = '\n';
    while (done < line->length) {
        ssize_t wrote = write(STDERR_FILENO, line->bytes + done, line->length - done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return;
        done += (size_t)wrote;
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct line line = {.length = 0};
    char instance[ID_SIZE];
    uint64_t suppressed = 0;
    bool pass;

    pthread_mutex_lock(&state.mutex);
    pass = slot_pass(event, &suppressed);
    line.format = state.format;
    memcpy(instance, state.instance, sizeof instance);
    pthread_mutex_unlock(&state.mutex);
    if (!pass)
        return;
    line_add_time(&line);
    line_add_field(&line, LOG_TEXT("level", levels[level]));
    line_add_field(&line, LOG_TEXT("event", event));
    if (instance[0])
        line_add_field(&line, LOG_TEXT("instance", instance));
    if (suppressed)
        line_add_field(&line, LOG_NUMBER("suppressed", suppressed));
    for (unsigned i = 0; i < count; i++)
        line_add_field(&line, fields[i]);
    line_write(&line);
}
