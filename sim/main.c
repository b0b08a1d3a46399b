/* drover-sim: reads its options and runs the simulation or the load. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>

#include "sim/load.h"
#include "sim/options.h"
#include "sim/sim.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
    static struct options options;
    struct problem problem;
    enum drover_error error;

    if (options_read(&options, argc, argv, &problem) != DROVER_OK) {
        (void)fprintf(stderr, "drover-sim: %s: %s\n", problem.where, problem.what);
        return EXIT_USAGE;
    }
    if (options.help)
        return 0;
    (void)signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return EXIT_FAILED;
    error = options.load ? load_run(&options) : sim_run(&options);
    curl_global_cleanup();
    return error ? EXIT_FAILED : 0;
}
