/* The server decides how large a page is; the cursor it gives is handed back untouched. A cursor that does not move ends it. */
#include "cli/list.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "cli/values.h"
#include "common/clock.h"
#include "common/text.h"

#define PAGE_ITEMS 1000   /* the most that the API gives at a time */
#define CURSOR_SIZE 256

static void path_write(const struct list *list, int64_t wanted, const char *cursor, struct buffer *out)
{
    char number[24];

    buffer_add_text(out, list->path);
    for (unsigned i = 0; i < LIST_QUERY_MAX && list->query[i].name; i++)
        http_query_add(out, list->query[i].name, list->query[i].value);
    if (!list->paged)
        return;
    (void)snprintf(number, sizeof number, "%lld", (long long)wanted);
    http_query_add(out, "limit", number);
    http_query_add(out, "cursor", cursor);
}

int64_t list_items_print(struct cli *cli, const struct cJSON *answer, int64_t most)
{
    const struct cJSON *item, *items = value_find(answer, "items");
    int64_t printed = 0, now_ms = clock_unix_ms();

    cJSON_ArrayForEach(item, items) {
        if (most && printed == most)
            break;
        output_item(&cli->output, item, now_ms);
        printed++;
    }
    return printed;
}

/* Prints one page; cursor (CURSOR_SIZE) becomes the next page's, "" at the end. */
static enum cli_exit page_print(struct cli *cli, const struct list *list, int64_t left, char *cursor, int64_t *ret_printed)
{
    struct api_answer answer;
    struct buffer path;
    enum cli_exit code;
    const char *next;

    buffer_init(&path, 0);
    path_write(list, left && left < PAGE_ITEMS ? left : PAGE_ITEMS, cursor, &path);
    code = cli_get(cli, path.bytes, &answer);
    buffer_done(&path);
    if (!code) {
        output_begin_once(&cli->output, list->view);
        *ret_printed = list_items_print(cli, answer.json, left);
        next = value_text(answer.json, "next");
        if (strcmp(next, cursor) == 0)
            next = "";
        if (!text_copy(cursor, CURSOR_SIZE, next))
            code = cli_fail(cli, CLI_FAILED, "the server's cursor is too long");
    }
    api_answer_done(&answer);
    return code;
}

enum cli_exit list_print(struct cli *cli, const struct list *list)
{
    char cursor[CURSOR_SIZE] = "";
    int64_t left = list->limit, printed = 0;
    enum cli_exit code;

    do {
        code = page_print(cli, list, left, cursor, &printed);
        if (!code && list->limit)
            left -= printed;
    } while (!code && list->paged && cursor[0] && (left > 0 || !list->limit));
    output_end(&cli->output);
    if (!code && list->paged && cursor[0])
        cli_note(cli, "there are more than these %lld; --limit 0 prints all", (long long)cli->output.count);
    return code;
}
