/* See proposal_print.h. Everything of the server's goes through safe_text. */
#include "cli/proposal_print.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/fields.h"
#include "cli/json_print.h"
#include "cli/safe_text.h"
#include "cli/values.h"
#include "common/clock.h"

static const struct field facts[] = {
    {"proposal", "proposal.number", FIELD_NUMBER},   {"order", "proposal.order", FIELD_TEXT},           {"by", "proposal.why", FIELD_TEXT},
    {"proposed", "proposal.at_ms", FIELD_AGO},       {"expires", "proposal.expires_ms", FIELD_TIME},    {"can be approved", "proposal.stands", FIELD_YES},
    {"approvals", "proposal.approvals", FIELD_NUMBER}, {"of", "proposal.needed", FIELD_NUMBER},         {"approved by", "proposal.approvers", FIELD_LIST},
};

static void value_write(struct buffer *out, const struct cJSON *value)
{
    if (value)
        json_print(out, value, -1);
    else
        buffer_add_text(out, "(not there)");
}

static void change_print(struct cli *cli, const char *pointer, const struct cJSON *before, const struct cJSON *after)
{
    struct buffer raw, safe;

    buffer_init(&raw, 0);
    buffer_init(&safe, 0);
    buffer_add_format(&raw, "  %s: ", pointer);
    value_write(&raw, before);
    buffer_add_text(&raw, " -> ");
    value_write(&raw, after);
    safe_text_add(&safe, raw.bytes, raw.failed ? 0 : raw.length);
    fprintf(cli->output.stream, "%s\n", safe.length ? safe.bytes : "-");
    buffer_done(&safe);
    buffer_done(&raw);
}

/* What only one of them has is named once. */
static void changes_print(struct cli *cli, const struct cJSON *proposal)
{
    const struct cJSON *before = value_find(proposal, "before"), *after = value_find(proposal, "after"), *member;

    if (!before && !after)
        return;
    fputs("changes\n", cli->output.stream);
    cJSON_ArrayForEach(member, before)
        change_print(cli, member->string, member, cJSON_GetObjectItemCaseSensitive(after, member->string));
    cJSON_ArrayForEach(member, after)
        if (!cJSON_GetObjectItemCaseSensitive(before, member->string))
            change_print(cli, member->string, NULL, member);
}

void proposal_print(struct cli *cli, const struct cJSON *rollout)
{
    const struct cJSON *proposal = value_find(rollout, "proposal");

    if (!proposal || cli->output.format != OUTPUT_TABLE)
        return;
    fputs("\nwaits for another person:\n", cli->output.stream);
    facts_print(facts, sizeof facts / sizeof facts[0], rollout, clock_unix_ms(), cli->output.stream, cli->output.color);
    changes_print(cli, proposal);
}

void proposal_note(struct cli *cli, const struct api_answer *answer)
{
    int64_t number = value_number(answer->json, "proposal.number", 0), needed = value_number(answer->json, "proposal.needed", 0);

    if (answer->status == 202 && number > 0)
        cli_note(cli, "not done yet: proposal %lld waits for the approval of %s; drover rollout approve %s", (long long)number,
                 needed > 1 ? "two other people" : "another person", value_text(answer->json, "id"));
}
