/* Two sources of one walk: pages of seals and of entries laid side by side, one log after the other, or lines of a file that lie in that order already. */
#include "cli/event_log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/values.h"
#include "common/text.h"

#define PAGE "500"

void event_log_line(const struct stream_entry *entry, enum sealed_log log, bool is_seal, struct buffer *buffer)
{
    entry_write_json(entry, sealed_line_names[2 * (unsigned)log + is_seal], buffer);
    buffer_add_text(buffer, "\n");
}

/* --- from the server --- */

/* A list of entries that is asked for page by page. */
struct pager {
    struct cli *cli;
    enum sealed_log log;
    const char *path;
    struct api_answer answer;
    const struct cJSON *item;           /* the next one; NULL: the page is used up */
    char after[STREAM_ID_SIZE];
    bool ended;
    bool refused;                       /* not for this role, or a server that does not have it */
};

static enum cli_exit page_ask(struct pager *pager)
{
    struct buffer path;
    enum cli_exit code;

    api_answer_done(&pager->answer);
    buffer_init(&path, 0);
    buffer_add_text(&path, pager->path);
    http_query_add(&path, "limit", PAGE);
    http_query_add(&path, "after", pager->after[0] ? pager->after : NULL);
    if (path.failed) {
        code = cli_fail(pager->cli, CLI_FAILED, "out of memory");
    } else {
        code = api_call(&pager->cli->api, &(struct api_call){.method = "GET", .path = path.bytes, .repeatable = true}, &pager->answer);
        pager->refused = code && pager->log == SEALED_AUDIT && (pager->answer.status == 403 || pager->answer.status == 404);
        code = code && !pager->refused ? cli_refused(pager->cli, &pager->answer) : CLI_OK;
    }
    buffer_done(&path);
    return code;
}

static enum cli_exit page_read(struct pager *pager)
{
    enum cli_exit code = page_ask(pager);
    const char *next;

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
        code = visitor->entry(visitor->arg, entries->log, &entry);
        entries->item = entries->item->next;
        if (!code)
            code = pager_look(entries, &entry, &there);
    }
    return code;
}

static enum cli_exit pagers_walk(struct pager *seals, struct pager *entries, const struct event_log_visitor *visitor)
{
    struct stream_entry seal;
    bool there;
    enum cli_exit code = pager_look(seals, &seal, &there);

    while (!code && there) {
        const struct entry_text *last = entry_find(&seal, "last");
        struct stream_id id = {0, 0};

        code = visitor->seal(visitor->arg, seals->log, &seal);
        if (!code && last && stream_id_read(last->bytes, last->length, &id))
            code = entries_until(entries, &id, visitor);
        seals->item = seals->item->next;
        if (!code)
            code = pager_look(seals, &seal, &there);
    }
    return code ? code : entries_until(entries, NULL, visitor);
}

static enum cli_exit log_walk(struct cli *cli, enum sealed_log log, const struct event_log_visitor *visitor, bool *ret_read)
{
    static const struct {
        const char *seals, *entries;
    } paths[SEALED_LOGS] = {{"/api/v1/seals", "/api/v1/events/raw"}, {"/api/v1/audit/seals", "/api/v1/audit/raw"}};
    struct pager seals = {.cli = cli, .log = log, .path = paths[log].seals}, entries = {.cli = cli, .log = log, .path = paths[log].entries};
    enum cli_exit code = pagers_walk(&seals, &entries, visitor);

    *ret_read = !code && !seals.refused && !entries.refused;
    api_answer_done(&seals.answer);
    api_answer_done(&entries.answer);
    return code;
}

/* --- from a file --- */

static enum cli_exit line_visit(struct cli *cli, const char *line, size_t length, int64_t number, struct entry_storage *storage,
                                const struct event_log_visitor *visitor, bool ret_read[SEALED_LOGS])
{
    struct stream_entry entry;
    struct problem problem;
    unsigned which;

    if (entry_read_json(line, length, sealed_line_names, storage, &entry, &which, &problem) != DROVER_OK)
        return cli_fail(cli, CLI_ALTERED, "line %lld: %s: %s", (long long)number, problem.where, problem.what);
    ret_read[which / 2] = true;
    return (which % 2 ? visitor->seal : visitor->entry)(visitor->arg, which / 2, &entry);
}

static enum cli_exit lines_walk(struct cli *cli, const char *path, FILE *file, const struct event_log_visitor *visitor, bool ret_read[SEALED_LOGS])
{
    struct entry_storage storage = {.bytes = NULL};
    enum cli_exit code = CLI_OK;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    for (int64_t number = 1; !code && (length = getline(&line, &size, file)) >= 0; number++) {
        size_t used = length > 0 && line[length - 1] == '\n' ? (size_t)length - 1 : (size_t)length;

        code = line_visit(cli, line, used, number, &storage, visitor, ret_read);
    }
    if (!code && ferror(file))
        code = cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    free(line);
    entry_storage_done(&storage);
    return code;
}

static enum cli_exit file_walk(struct cli *cli, const char *path, const struct event_log_visitor *visitor, bool ret_read[SEALED_LOGS])
{
    FILE *file = fopen(path, "re");
    enum cli_exit code;

    if (!file)
        return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    code = lines_walk(cli, path, file, visitor, ret_read);
    (void)fclose(file);
    return code;
}

enum cli_exit event_log_walk(struct cli *cli, const char *file, const struct event_log_visitor *visitor, bool ret_read[SEALED_LOGS])
{
    enum cli_exit code = CLI_OK;

    memset(ret_read, 0, SEALED_LOGS * sizeof *ret_read);
    if (file)
        return file_walk(cli, file, visitor, ret_read);
    for (unsigned log = 0; log < SEALED_LOGS && !code; log++)
        code = log_walk(cli, log, visitor, &ret_read[log]);
    return code;
}
