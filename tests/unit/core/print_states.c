/* Prints docs/upgrade-states.md, as `droverd --print-docs=states` does, without needing droverd's libraries. */
#include "orchestrator/core/upgrade_fsm.h"

int main(void)
{
    fsm_print_docs(stdout);
    return 0;
}
