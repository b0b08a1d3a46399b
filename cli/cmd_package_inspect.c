/* drover package inspect */
#include "cli/cmd.h"

#include <cjson/cJSON.h>

#include "cli/package_print.h"
#include "cli/work.h"

enum cli_exit cmd_package_inspect(struct cli *cli)
{
    const char *path = cli_argument(cli, 0);
    struct problem problem = {0};
    struct package_file file;
    struct cJSON *description;
    enum cli_exit code = work_refused(cli, path, package_file_open(path, &file, &problem), &problem);

    if (code)
        return code;
    description = package_describe(cli, path, &file, true);
    if (description)
        package_print(cli, description);
    else
        code = CLI_FAILED;
    cJSON_Delete(description);
    package_file_close(&file);
    return code;
}
