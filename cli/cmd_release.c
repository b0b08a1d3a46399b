/* drover release add | list | show */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/list.h"
#include "cli/upload.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/semver.h"

static void release_print(struct cli *cli, const struct cJSON *release)
{
    const struct cJSON *delta, *deltas = value_find(release, "deltas");
    int64_t now_ms = clock_unix_ms();

    output_object(&cli->output, &release_view, release, now_ms);
    if (cli->output.format != OUTPUT_TABLE || cJSON_GetArraySize(deltas) == 0)
        return;
    fputc('\n', cli->output.stream);
    output_begin(&cli->output, &delta_list_view);
    cJSON_ArrayForEach(delta, deltas)
        output_item(&cli->output, delta, now_ms);
    output_end(&cli->output);
}

/* One uploaded delta: its base version as it stands before the `=`. */
struct delta {
    char base_version[VERSION_SIZE];
    char sha256[SHA256_HEX_SIZE];
};

static enum cli_exit deltas_upload(struct cli *cli, struct delta *deltas)
{
    for (unsigned i = 0; i < cli->invocation->delta_count; i++) {
        const char *text = cli->invocation->deltas[i], *equals = strchr(text, '=');
        enum cli_exit code;

        if (semver_read(text, (size_t)(equals - text), deltas[i].base_version, NULL))
            return cli_fail(cli, CLI_USAGE, "--delta: %s", text);
        code = upload_file(cli, equals + 1, deltas[i].sha256);
        if (code)
            return code;
    }
    return CLI_OK;
}

static void release_write(const struct cli *cli, const char *sha256, const struct delta *deltas, struct buffer *out)
{
    struct json_writer writer;

    json_begin(&writer, out);
    json_put_text(&writer, "model", cli_argument(cli, 0));
    json_put_text(&writer, "version", cli_argument(cli, 1));
    json_put_text(&writer, "sha256", sha256);
    json_open_array(&writer, "deltas");
    for (unsigned i = 0; i < cli->invocation->delta_count; i++) {
        json_open_object(&writer, NULL);
        json_put_text(&writer, "base_version", deltas[i].base_version);
        json_put_text(&writer, "sha256", deltas[i].sha256);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_end(&writer);
}

enum cli_exit cmd_release_add(struct cli *cli)
{
    struct delta deltas[DELTAS_MAX];
    char sha256[SHA256_HEX_SIZE];
    struct api_answer answer;
    struct buffer body;
    enum cli_exit code = upload_file(cli, cli_argument(cli, 2), sha256);

    if (!code)
        code = deltas_upload(cli, deltas);
    if (code)
        return code;
    buffer_init(&body, 0);
    release_write(cli, sha256, deltas, &body);
    code = cli_post(cli, "/api/v1/releases", &body, true, &answer);
    if (!code) {
        cli_note(cli, "release %s %s %s", cli_argument(cli, 0), cli_argument(cli, 1), answer.status == 201 ? "added" : "was there already");
        release_print(cli, answer.json);
    }
    api_answer_done(&answer);
    buffer_done(&body);
    return code;
}

enum cli_exit cmd_release_list(struct cli *cli)
{
    struct list list = {.path = "/api/v1/releases", .view = &release_list_view, .paged = true};

    list.query[0] = (struct list_query){"model", cli_text(cli, OPT_MODEL)};
    return list_print(cli, &list);
}

enum cli_exit cmd_release_show(struct cli *cli)
{
    struct api_answer answer;
    struct buffer path;
    enum cli_exit code;

    buffer_init(&path, 0);
    buffer_add_format(&path, "/api/v1/releases/%s/%s", cli_argument(cli, 0), cli_argument(cli, 1));
    code = cli_get(cli, path.bytes, &answer);
    if (!code)
        release_print(cli, answer.json);
    api_answer_done(&answer);
    buffer_done(&path);
    return code;
}
