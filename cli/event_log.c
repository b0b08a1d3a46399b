/* Two sources of one walk: pages of /api/v1/seals and /api/v1/events/raw laid side by side, or lines of a file that lie in that order already. */
#include "cli/event_log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/values.h"
#include "common/text.h"

#define PAGE "500"

enum { LINE_ENTRY, LINE_SEAL };
static const char *const line_names[] = {[LINE_ENTRY] = "id", [LINE_SEAL] = "seal", NULL};

void event_log_line(const struct stream_entry *entry, bool is_seal, struct buffer *buffer)
{
    entry_write_json(entry, line_names[is_seal ? LINE_SEAL : LINE_ENTRY], buffer);
    buffer_add_text(buffer, "\n");
}

/* --- from the server --- */

/* A list of entries that is asked for page by page. */
struct pager {
    struct cli *cli;
    const char *path;
    struct api_answer answer;
    const struct cJSON *item;           /* the next one; NULL: the page is used up */
    char after[STREAM_ID_SIZE];
    bool ended;
};

static enum cli_exit page_read(struct pager *pager)
{
    struct buffer path;
    enum cli_exit code;
    const char *next;

    api_answer_done(&pager->answer);
    buffer_init(&path, 0);
    buffer_add_text(&path, pager->path);
    http_query_add(&path, "limit", PAGE);
    http_query_add(&path, "after", pager->after[0] ? pager->after : NULL);
    code = path.failed ? cli_fail(pager->cli, CLI_FAILED, "out of memory") : cli_get(pager->cli, path.bytes, &pager->answer);
    buffer_done(&path);
    if (code)
        return code;
    pager->item = value_find(pager->answer.json, "items") ? value_find(pager->answer.json, "items")->child : NULL;
    pager->ended = !pager->item;
    next = value_text(pager->answer.json, "next");
    if (pager->item && (!next[0] || strcmp(next, pager->after) == 0 || !text_copy(pager->after, sizeof pager->after, next)))
        return cli_fail(pager->cli, CLI_FAILED, "the server does not say where the next entries begin");
    return CLI_OK;
}

static bool item_take(const struct cJSON *item, struct stream_entry *ret_entry)
{
    const struct cJSON *member = item->child;

    if (!cJSON_IsObject(item) || !member || strcmp(member->string, "id") != 0 || !cJSON_IsString(member))
        return false;
    ret_entry->id = entry_text(member->valuestring);
    ret_entry->count = 0;
    for (member = member->next; member; member = member->next) {
        if (!cJSON_IsString(member) || ret_entry->count == ENTRY_FIELDS_MAX)
            return false;
        ret_entry->fields[ret_entry->count++] = (struct entry_field){entry_text(member->string), entry_text(member->valuestring)};
    }
    return true;
}

/* The next entry without taking it: pager->item is left where it is. False in *ret_there at the end. */
static enum cli_exit pager_look(struct pager *pager, struct stream_entry *ret_entry, bool *ret_there)
{
    enum cli_exit code = CLI_OK;

    if (!pager->item && !pager->ended)
        code = page_read(pager);
    *ret_there = !code && pager->item;
    if (*ret_there && !item_take(pager->item, ret_entry))
        return cli_fail(pager->cli, CLI_FAILED, "the server sent an entry that is none");
    return code;
}

static enum cli_exit entries_until(struct pager *entries, const struct stream_id *last, const struct event_log_visitor *visitor)
{
    struct stream_entry entry;
    struct stream_id id;
    bool there;
    enum cli_exit code = pager_look(entries, &entry, &there);

    while (!code && there) {
        if (last && (!stream_id_read(entry.id.bytes, entry.id.length, &id) || stream_id_compare(&id, last) > 0))
            return CLI_OK;
        code = visitor->entry(visitor->arg, &entry);
        entries->item = entries->item->next;
        if (!code)
            code = pager_look(entries, &entry, &there);
    }
    return code;
}

static enum cli_exit server_walk(struct pager *seals, struct pager *entries, const struct event_log_visitor *visitor)
{
    struct stream_entry seal;
    bool there;
    enum cli_exit code = pager_look(seals, &seal, &there);

    while (!code && there) {
        const struct entry_text *last = entry_find(&seal, "last");
        struct stream_id id = {0, 0};

        code = visitor->seal(visitor->arg, &seal);
        if (!code && last && stream_id_read(last->bytes, last->length, &id))
            code = entries_until(entries, &id, visitor);
        seals->item = seals->item->next;
        if (!code)
            code = pager_look(seals, &seal, &there);
    }
    return code ? code : entries_until(entries, NULL, visitor);
}

/* --- from a file --- */

static enum cli_exit line_visit(struct cli *cli, const char *line, size_t length, int64_t number, struct entry_storage *storage,
                                const struct event_log_visitor *visitor)
{
    struct stream_entry entry;
    struct problem problem;
    unsigned which;

    if (entry_read_json(line, length, line_names, storage, &entry, &which, &problem) != DROVER_OK)
        return cli_fail(cli, CLI_ALTERED, "line %lld: %s: %s", (long long)number, problem.where, problem.what);
    return (which == LINE_SEAL ? visitor->seal : visitor->entry)(visitor->arg, &entry);
}

static enum cli_exit file_walk(struct cli *cli, const char *path, FILE *file, const struct event_log_visitor *visitor)
{
    struct entry_storage storage = {.bytes = NULL};
    enum cli_exit code = CLI_OK;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    for (int64_t number = 1; !code && (length = getline(&line, &size, file)) >= 0; number++) {
        size_t used = length > 0 && line[length - 1] == '\n' ? (size_t)length - 1 : (size_t)length;

        code = line_visit(cli, line, used, number, &storage, visitor);
    }
    if (!code && ferror(file))
        code = cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    free(line);
    entry_storage_done(&storage);
    return code;
}

enum cli_exit event_log_walk(struct cli *cli, const char *file, const struct event_log_visitor *visitor)
{
    struct pager seals = {.cli = cli, .path = "/api/v1/seals"}, entries = {.cli = cli, .path = "/api/v1/events/raw"};
    FILE *stream = NULL;
    enum cli_exit code;

    if (file) {
        stream = fopen(file, "re");
        code = stream ? file_walk(cli, file, stream, visitor) : cli_fail(cli, CLI_FAILED, "%s: %s", file, strerror(errno));
    } else {
        code = server_walk(&seals, &entries, visitor);
    }
    if (stream)
        (void)fclose(stream);
    api_answer_done(&seals.answer);
    api_answer_done(&entries.answer);
    return code;
}
