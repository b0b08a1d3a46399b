/* drover release list | show */
#include "cli/cmd.h"

#include <cjson/cJSON.h>

#include "cli/list.h"
#include "cli/release_print.h"
#include "cli/values.h"
#include "cli/views.h"
#include "common/clock.h"

void release_print(struct cli *cli, const struct cJSON *release)
{
    output_object_and_list(&cli->output, &release_view, release, &delta_list_view, value_find(release, "deltas"), clock_unix_ms());
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
    enum cli_exit code = cli_get_format(cli, &answer, "/api/v1/releases/%s/%s", cli_argument(cli, 0), cli_argument(cli, 1));

    if (!code)
        release_print(cli, answer.json);
    api_answer_done(&answer);
    return code;
}
