/* drover audit: what operators did, the newest first. */
#include "cli/cmd.h"

#include "cli/cli.h"
#include "cli/list.h"
#include "cli/values.h"

#define LIST_LIMIT 50

static void audit_name(const struct cJSON *entry, struct buffer *out)
{
    buffer_add_text(out, value_text(entry, "id"));
}

static const struct field columns[] = {
    {"TIME", "at_ms", FIELD_TIME},      {"WHO", "who", FIELD_TEXT},       {"ROLE", "role", FIELD_TEXT},   {"ACTION", "action", FIELD_TEXT},
    {"TARGET", "target", FIELD_TEXT},   {"OUTCOME", "outcome", FIELD_TEXT}, {"WHY", "why", FIELD_TEXT},   {"BEFORE", "before", FIELD_TEXT},
    {"AFTER", "after", FIELD_TEXT},
};
static const struct view audit_view = {audit_name, columns, sizeof columns / sizeof columns[0]};

enum cli_exit cmd_audit(struct cli *cli)
{
    const struct list list = {
        .path = "/api/v1/audit",
        .view = &audit_view,
        .query = {{"who", cli_text(cli, OPT_WHO)}, {"action", cli_text(cli, OPT_ACTION)}, {"target", cli_text(cli, OPT_TARGET)}},
        .paged = true,
        .limit = cli_number(cli, OPT_LIMIT, LIST_LIMIT),
    };

    return list_print(cli, &list);
}
