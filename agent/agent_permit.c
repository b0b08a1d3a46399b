/* Whether a rollback command brings the permit that this device asks for. */
#include <stdio.h>
#include <string.h>

#include "agent/agent_inside.h"
#include "firmware/permit.h"

enum error_code agent_permit_check(const struct agent *agent, const struct command *command, const char *permit_text, char *ret_why, size_t size)
{
    const struct permit_use use = {agent->settings->device_model, agent->version, command->version, agent->settings->device_id,
                                   command->rollout[0] ? command->rollout : NULL};
    struct problem problem = {.where = "permit", .what = "is needed to go back, and the command brings none"};
    struct permit permit;
    enum error_code code = E_NONE;

    ret_why[0] = '\0';
    if (command->kind != COMMAND_ROLLBACK || !agent->settings->rollback_needs_permit)
        return E_NONE;
    if (!permit_text[0])
        code = E_DOWNGRADE;
    else if (agent->unix_ms < agent->memory.floor_ms)
        code = package_refuse(&problem, E_DOWNGRADE, "permit", "it expires, and the device's clock is not believed");
    else
        code = permit_read(permit_text, strlen(permit_text), &agent->trust, agent->unix_ms, &permit, &problem);
    if (!code)
        code = permit_allows(&permit, &use, &problem);
    if (!code)
        return E_NONE;
    (void)snprintf(ret_why, size, "%s: %s", problem.where, problem.what);
    return code == E_INTERNAL ? code : E_DOWNGRADE; /* whatever is wrong with it, going back is what is refused */
}
