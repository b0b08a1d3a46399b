/* drover-agent: the program of a device. Everything it does is in the library beside it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/agent_options.h"
#include "agent/agent_print.h"
#include "agent/device_facts.h"
#include "agent/slots.h"
#include "common/log.h"

extern char **environ;

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static int complain(const struct problem *problem, int status)
{
    fprintf(stderr, "drover-agent: %s: %s\n", problem->where, problem->what);
    return status;
}

/* Prints the slot. Without an answer the boot loader boots what the factory put in. */
static int boot(const struct agent_settings *settings)
{
    struct problem problem;
    enum slot slot;

    if (slots_boot(settings->slots_dir, &slot, &problem) != DROVER_OK)
        return complain(&problem, EXIT_FAILED);
    printf("%s\n", slot_name(slot));
    return EXIT_DONE;
}

static int print_docs(const char *part)
{
    if (strcmp(part, "settings") == 0)
        settings_print_docs(&agent_settings_table, stdout);
    else if (strcmp(part, "states") == 0)
        agent_print_states(stdout);
    else
        return fprintf(stderr, "drover-agent: --print-docs=%.32s: there are settings and states\n", part), EXIT_USAGE;
    return EXIT_DONE;
}

static int with_settings(const struct agent_options *options)
{
    struct agent_settings settings;
    struct problem problem;

    if (agent_options_settings(options, environ, &settings, &problem) != DROVER_OK)
        return complain(&problem, EXIT_USAGE);
    log_configure((enum log_level)settings.log_level, (enum log_format)settings.log_format, settings.device_id);
    switch (options->task) {
    case AGENT_CHECK_CONFIG: return EXIT_DONE;
    case AGENT_PRINT_CONFIG: settings_print(&agent_settings_table, &settings, stdout); return EXIT_DONE;
    case AGENT_BOOT: return boot(&settings);
    case AGENT_STATUS: return agent_print_status(&settings, stdout, &problem) == DROVER_OK ? EXIT_DONE : complain(&problem, EXIT_FAILED);
    default: return agent_run(&settings);
    }
}

int main(int argc, char **argv)
{
    struct agent_options options;
    struct problem problem;

    if (agent_options_read(argc, argv, &options, &problem) != DROVER_OK)
        return complain(&problem, EXIT_USAGE);
    switch (options.task) {
    case AGENT_HELP: agent_options_help(stdout); return EXIT_DONE;
    case AGENT_VERSION: printf("drover-agent %s\n", DROVER_VERSION); return EXIT_DONE;
    case AGENT_PRINT_DOCS: return print_docs(options.docs);
    default: return with_settings(&options);
    }
}
