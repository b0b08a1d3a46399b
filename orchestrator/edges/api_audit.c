/* What operators did, newest first, by pages. With a filter one call looks through a bounded part of the stream: a page may be short or empty
 * while `next` has moved on. */
#include <string.h>

#include "orchestrator/edges/api_inside.h"

#define LOOK_MAX 1000   /* entries that one call looks through */

static void entries_read(void *arg, enum drover_error error, const struct audit_entry *entries, size_t count);

static bool cursor_is_good(const char *cursor)
{
    size_t first = strspn(cursor, "0123456789");
    size_t second = cursor[first] == '-' ? strspn(cursor + first + 1, "0123456789") : 0;
    return cursor[0] == '\0' || (first > 0 && first <= 19 && second > 0 && second <= 19 && cursor[first + 1 + second] == '\0');
}

static const char *cursor_of(const struct http_call *call)
{
    const char *cursor = http_call_query(call, "cursor");
    return cursor != NULL ? cursor : "";
}

void api_audit(struct api *api, struct http_call *call)
{
    int64_t limit = 0;
    if (!api_limit_read(call, &limit))
        return;
    if (!cursor_is_good(cursor_of(call))) {
        http_call_problem(call, 400, "cursor", "not a cursor of this list");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_audit(api->config.store, cursor_of(call), LOOK_MAX, entries_read, ask);
}

static bool fits(const struct http_call *call, const char *name, const char *value)
{
    const char *wanted = http_call_query(call, name);
    return wanted == NULL || (value != NULL && strcmp(wanted, value) == 0);
}

static void number_put(struct json_writer *writer, const char *name, const char *text)
{
    int64_t value;
    if (text != NULL && text_to_i64(text, strlen(text), 0, INT64_MAX, &value))
        json_put_i64(writer, name, value);
}

static void entry_put(struct json_writer *writer, const struct audit_entry *entry)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "id", entry->id);
    number_put(writer, "at_ms", entry->at_ms);
    json_put_text(writer, "who", entry->who);
    json_put_text(writer, "role", entry->role);
    json_put_text(writer, "key", entry->key);
    json_put_text(writer, "action", entry->action);
    json_put_text(writer, "target", entry->target);
    json_put_text(writer, "before", entry->before);
    json_put_text(writer, "after", entry->after);
    json_put_text(writer, "outcome", entry->outcome);
    number_put(writer, "status", entry->status);
    json_put_text(writer, "why", entry->why);
    json_put_text(writer, "request", entry->request);
    json_put_text(writer, "instance", entry->instance);
    json_close_object(writer);
}

static void entries_read(void *arg, enum drover_error error, const struct audit_entry *entries, size_t count)
{
    struct api_ask *ask = arg;
    const char *limit_text = http_call_query(ask->call, "limit"), *next = "";
    int64_t limit = API_LIMIT_DEFAULT, taken = 0;
    struct json_writer writer;
    size_t i = 0;
    if (error != DROVER_OK) {
        api_ask_error(ask, error, "audit");
        return;
    }
    if (limit_text != NULL)
        (void)text_to_i64(limit_text, strlen(limit_text), 1, API_LIMIT_MAX, &limit);   /* checked before */
    json_begin(&writer, &ask->call->answer);
    json_open_array(&writer, "items");
    for (; i < count && taken < limit; i++) {
        const struct audit_entry *entry = &entries[i];
        if (!fits(ask->call, "who", entry->who) || !fits(ask->call, "action", entry->action) || !fits(ask->call, "target", entry->target))
            continue;
        entry_put(&writer, entry);
        taken++;
    }
    json_close_array(&writer);
    if (i > 0 && (i < count || count == LOOK_MAX))
        next = entries[i - 1].id;
    json_put_text(&writer, "next", next);
    json_end(&writer);
    api_ask_send(ask, 200);
}
