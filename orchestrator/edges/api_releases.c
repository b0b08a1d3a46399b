/* Releases shown: one, or all page by page. */
#include <stdio.h>
#include <string.h>

#include "orchestrator/edges/api_inside.h"

static void releases_listed(void *arg, enum drover_error error, const struct release *releases, size_t count);
static void release_shown(void *arg, enum drover_error error, const struct release *releases, size_t count);

void api_release_answer(struct api_ask *ask, int status, const struct release *release)
{
    struct json_writer writer;
    json_begin(&writer, &ask->call->answer);
    api_put_release(&writer, release);
    json_end(&writer);
    api_ask_send(ask, status);
}

void api_release_show(struct api *api, struct http_call *call)
{
    struct api_ask *ask = api_ask_new(api, call, 0);
    if (ask != NULL)
        store_release(api->config.store, call->params[0], call->params[1], release_shown, ask);
}

static void release_shown(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct api_ask *ask = arg;
    if (error == DROVER_OK && count == 1)
        api_release_answer(ask, 200, &releases[0]);
    else
        api_ask_error(ask, error == DROVER_OK ? DROVER_NOT_FOUND : error, "release");
}

/* --- the list; its cursor is "<model>:<version>" of the last one shown --- */

struct release_page {
    int64_t limit;
    const char *cursor;   /* the call's */
};

void api_release_list(struct api *api, struct http_call *call)
{
    const char *model = NULL;
    int64_t limit = 0;
    if (!api_id_read(call, "model", &model) || !api_limit_read(call, &limit))
        return;
    struct api_ask *ask = api_ask_new(api, call, sizeof(struct release_page));
    if (ask == NULL)
        return;
    *(struct release_page *)ask->extra = (struct release_page){limit, http_call_query(call, "cursor")};
    store_releases(api->config.store, model != NULL ? model : "", releases_listed, ask);
}

static void cursor_write(char *ret, size_t size, const struct release *release)
{
    snprintf(ret, size, "%s:%s", release->model, release->version);
}

/* Where the page begins: after the cursor's release. */
static size_t page_begin(const struct release *releases, size_t count, const char *cursor)
{
    char text[ID_SIZE + VERSION_SIZE];
    for (size_t i = 0; cursor != NULL && cursor[0] != '\0' && i < count; i++) {
        cursor_write(text, sizeof text, &releases[i]);
        if (strcmp(text, cursor) == 0)
            return i + 1;
    }
    return cursor == NULL || cursor[0] == '\0' ? 0 : count;
}

static void releases_listed(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct api_ask *ask = arg;
    const struct release_page *page = ask->extra;
    struct json_writer writer;
    char next[ID_SIZE + VERSION_SIZE] = "";
    if (error != DROVER_OK) {
        api_ask_error(ask, error, "releases");
        return;
    }
    size_t begin = page_begin(releases, count, page->cursor);
    size_t end = count - begin > (size_t)page->limit ? begin + (size_t)page->limit : count;
    json_begin(&writer, &ask->call->answer);
    json_open_array(&writer, "items");
    for (size_t i = begin; i < end; i++) {
        json_open_object(&writer, NULL);
        api_put_release(&writer, &releases[i]);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    if (end < count)
        cursor_write(next, sizeof next, &releases[end - 1]);
    json_put_text(&writer, "next", next);
    json_end(&writer);
    api_ask_send(ask, 200);
}
