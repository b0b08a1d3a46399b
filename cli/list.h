/* Printing a list of the API page by page: {"items":[...],"next":"..."} */
#pragma once

#include <stdint.h>

#include "cli/cli.h"

#define LIST_QUERY_MAX 5

struct list_query {
    const char *name;    /* NULL: unused */
    const char *value;   /* NULL: left out */
};

struct list {
    const char *path;
    const struct view *view;
    struct list_query query[LIST_QUERY_MAX];
    bool paged;          /* the path takes limit and cursor */
    int64_t limit;       /* of all pages together; 0: no limit */
};

/* On failure it has been reported. Notes on standard error when the limit cut the list. */
enum cli_exit list_print(struct cli *cli, const struct list *list);

/* Prints the items of one answer, at most `most` (0: all); returns how many. */
int64_t list_items_print(struct cli *cli, const struct cJSON *answer, int64_t most);
