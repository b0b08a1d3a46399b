/* droverd. Everything it does is in orchestrator/edges/daemon.c. */
#include "orchestrator/edges/daemon.h"

extern char **environ;

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, environ);
}
