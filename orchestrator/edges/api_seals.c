/* The event log and the audit for whoever verifies them or carries them away: entries and seals just as they stand in Redis, every value a string. */
#include <string.h>

#include "orchestrator/edges/api_inside.h"
#include "proto/stream_entry.h"

static void entries_listed(void *arg, enum drover_error error, const struct stream_entry *entries, size_t count);

static void entries_ask(struct api *api, struct http_call *call, enum store_stream stream)
{
    const char *after = http_call_query(call, "after");
    struct stream_id id;
    int64_t limit = 0;
    if (!api_limit_read(call, &limit))
        return;
    if (after != NULL && after[0] != '\0' && !stream_id_read(after, strlen(after), &id)) {
        http_call_problem(call, 400, "after", "not an entry's id");
        return;
    }
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_entries(api->config.store, stream, after != NULL ? after : "", (size_t)limit, entries_listed, ask);
}

void api_events_raw(struct api *api, struct http_call *call)
{
    entries_ask(api, call, STORE_EVENTS);
}

void api_seals(struct api *api, struct http_call *call)
{
    entries_ask(api, call, STORE_SEALS);
}

void api_audit_raw(struct api *api, struct http_call *call)
{
    entries_ask(api, call, STORE_AUDIT);
}

void api_audit_seals(struct api *api, struct http_call *call)
{
    entries_ask(api, call, STORE_AUDIT_SEALS);
}

/* next: where to go on; "" when there was nothing more. */
static void entries_listed(void *arg, enum drover_error error, const struct stream_entry *entries, size_t count)
{
    struct api_ask *ask = arg;
    struct buffer *answer = &ask->call->answer;
    if (error != DROVER_OK) {
        api_ask_error(ask, error, "events");
        return;
    }
    buffer_add_text(answer, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(answer, i > 0 ? "," : "");
        entry_write_json(&entries[i], "id", answer);
    }
    buffer_add_text(answer, "],\"next\":");
    json_add_quoted_n(answer, count > 0 ? entries[count - 1].id.bytes : "", count > 0 ? entries[count - 1].id.length : 0);
    buffer_add_text(answer, "}");
    api_ask_send(ask, 200);
}
