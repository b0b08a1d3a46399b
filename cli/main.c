/* `drover`, the operator's command line. Everything but this line is a library, so that tests can call it. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
