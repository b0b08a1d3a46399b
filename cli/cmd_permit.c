/* drover permit downgrade */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "cli/key_options.h"
#include "cli/out_file.h"
#include "cli/values.h"
#include "cli/work.h"
#include "common/clock.h"
#include "common/text.h"
#include "firmware/permit.h"

#define CLOCK_SLACK_MS 300000   /* a permit counts a little before it was made: clocks differ */

static void permit_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "id"));
}

static const struct field permit_facts[] = {
    {"permit", "permit", FIELD_TEXT},       {"id", "id", FIELD_TEXT},           {"model", "model", FIELD_TEXT},     {"to version", "to_version", FIELD_TEXT},
    {"from version", "from_version", FIELD_TEXT}, {"device", "device", FIELD_TEXT}, {"rollout", "rollout", FIELD_TEXT}, {"expires", "expires_ms", FIELD_TIME},
};
static const struct view permit_view = {permit_name, permit_facts, sizeof permit_facts / sizeof permit_facts[0]};

static void permit_print(struct cli *cli, const struct permit *permit)
{
    struct cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "permit", cli_argument(cli, 0));
    cJSON_AddStringToObject(object, "id", permit->id);
    cJSON_AddStringToObject(object, "model", permit->model);
    cJSON_AddStringToObject(object, "to_version", permit->to_version);
    cJSON_AddStringToObject(object, "from_version", permit->from_version);
    cJSON_AddStringToObject(object, "device", permit->device_id);
    cJSON_AddStringToObject(object, "rollout", permit->rollout);
    cJSON_AddNumberToObject(object, "not_before_ms", (double)permit->not_before_ms);
    cJSON_AddNumberToObject(object, "expires_ms", (double)permit->expires_ms);
    output_object(&cli->output, &permit_view, object, 0);
    cJSON_Delete(object);
}

static bool text_given(const struct cli *cli, enum option_id option, char *ret, size_t size)
{
    const char *text = cli_text(cli, option);

    return !text || text_copy(ret, size, text);
}

static enum cli_exit permit_of_options(struct cli *cli, struct permit *permit)
{
    int64_t now_ms = clock_unix_ms();

    if (!text_given(cli, OPT_ID, permit->id, sizeof permit->id) || !text_given(cli, OPT_MODEL, permit->model, sizeof permit->model) ||
        !text_given(cli, OPT_TO_VERSION, permit->to_version, sizeof permit->to_version) ||
        !text_given(cli, OPT_FROM_VERSION, permit->from_version, sizeof permit->from_version) ||
        !text_given(cli, OPT_DEVICE, permit->device_id, sizeof permit->device_id) || !text_given(cli, OPT_ROLLOUT, permit->rollout, sizeof permit->rollout))
        return cli_fail(cli, CLI_USAGE, "a version is too long");
    if (!permit->id[0])
        (void)snprintf(permit->id, sizeof permit->id, "p-%016llx", (unsigned long long)clock_random());
    permit->not_before_ms = cli_number(cli, OPT_NOT_BEFORE, now_ms - CLOCK_SLACK_MS);
    permit->expires_ms = cli_given(cli, OPT_EXPIRES_IN) ? now_ms + cli_number(cli, OPT_EXPIRES_IN, 0) : cli_number(cli, OPT_EXPIRES_AT, 0);
    if (permit->expires_ms <= permit->not_before_ms)
        return cli_fail(cli, CLI_USAGE, "it would never count: it expires before it begins");
    return CLI_OK;
}

static enum cli_exit permit_write(struct cli *cli, const struct permit *permit)
{
    struct problem problem = {0};
    struct signers signers;
    struct buffer jws;
    enum cli_exit code = signers_open(cli, OPT_KEY, &signers);

    buffer_init(&jws, 0);
    if (!code)
        code = work_failed(cli, NULL, permit_make(permit, (const struct private_key *const *)signers.keys, signers.count, &jws, &problem), &problem);
    if (!code)
        code = out_write(cli, cli_argument(cli, 0), OUT_MODE, jws.bytes, jws.length);
    buffer_done(&jws);
    signers_close(&signers);
    return code;
}

enum cli_exit cmd_permit_downgrade(struct cli *cli)
{
    static const enum option_id needed[] = {OPT_MODEL, OPT_TO_VERSION, OPT_KEY};
    struct permit permit = {0};
    enum cli_exit code;

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!cli_given(cli, needed[i]))
            return cli_fail(cli, CLI_USAGE, "--%s is missing", option_row(needed[i])->name);
    if (!cli_given(cli, OPT_DEVICE) && !cli_given(cli, OPT_ROLLOUT))
        return cli_fail(cli, CLI_USAGE, "for whom? --device or --rollout is missing");
    if (!cli_given(cli, OPT_EXPIRES_IN) && !cli_given(cli, OPT_EXPIRES_AT))
        return cli_fail(cli, CLI_USAGE, "a permit must expire: --expires-in or --expires-at is missing");
    code = out_check(cli, cli_argument(cli, 0));
    if (!code)
        code = permit_of_options(cli, &permit);
    if (!code)
        code = permit_write(cli, &permit);
    if (!code)
        permit_print(cli, &permit);
    return code;
}
