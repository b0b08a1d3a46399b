/* drover package inspect */
#include "cli/cmd.h"

#include "cli/package_print.h"

enum cli_exit cmd_package_inspect(struct cli *cli)
{
    return package_inspect(cli, cli_argument(cli, 0));
}
