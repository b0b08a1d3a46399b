/* What `drover` can do, in one table, and the few ways to look something up in it. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"

/* The names of the contract (docs of the upgrade's states); a test compares them with the state machine. */
#define UPGRADE_STATES                                                                                     \
    "none|pending|dispatched|acknowledged|downloading|installing|verifying|retry_wait|rolling_back|lost|succeeded|" \
    "rolled_back|failed|rejected|cancelled|superseded"

static const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(id, letter, name, placeholder, kind, min, max, choices, help) \
    [OPT_##id] = {letter, name, placeholder, OPTION_##kind, min, max, choices, help},
#include "cli/options.def"
#undef OPTION
};

#define O(id) OPTION_BIT(id)

static const struct command command_rows[] = {
    {"release", "add", "MODEL VERSION FILE", O(DELTA), false, cmd_release_add,
     "upload a package and make it a release of the model",
     "The SHA-256 is computed here. The file goes up in parts of 4 MiB; when the connection breaks, or the command is run "
     "again, the upload goes on where the server has stopped reading. A release that exists with the same content is "
     "no error.",
     "drover release add esp32 1.1.0 esp32-1.1.0.dfw --delta 1.0.0=esp32-1.0.0-to-1.1.0.dfw"},
    {"release", "list", "", O(MODEL), false, cmd_release_list, "list the releases", "", "drover release list --model esp32"},
    {"release", "show", "MODEL VERSION", 0, false, cmd_release_show, "show one release with its deltas", "",
     "drover release show esp32 1.1.0"},

    {"rollout", "start", "MODEL VERSION",
     O(ID) | O(SHARE) | O(MAX_IN_FLIGHT) | O(MAX_ATTEMPTS) | O(ERROR_BUDGET) | O(CONFIRMATIONS) | O(SOAK) | O(SPREAD) | O(SUPERSEDE),
     false, cmd_rollout_start, "bring a release to the devices of its model",
     "A model has at most one running or paused rollout: another one is refused (exit code 4) unless --supersede is given. "
     "What is not given here is chosen by the server.",
     "drover rollout start esp32 1.1.0 --share 10 --error-budget 5 --soak 10m"},
    {"rollout", "list", "", 0, false, cmd_rollout_list, "list the rollouts", "", "drover rollout list -o name"},
    {"rollout", "show", "ROLLOUT", 0, false, cmd_rollout_show, "show one rollout: its plan, where it stands and what went wrong", "",
     "drover rollout show esp32-1.1.0"},
    {"rollout", "watch", "ROLLOUT", O(INTERVAL) | O(UNTIL_SETTLED), false, cmd_rollout_watch, "follow a rollout to its end",
     "Shows a live bar on a terminal and a line per change otherwise, both on standard error, and the rollout at its end on "
     "standard output (with -o jsonl also each change). It ends when every device had its turn, or when the rollout was "
     "cancelled or superseded. A server that is away is waited for, up to a minute.\n"
     "Exit code 0 says that no device of the rollout was left behind, 7 that some were, or that it did not run to its end.",
     "drover rollout watch esp32-1.1.0 --timeout 2h"},
    {"rollout", "pause", "ROLLOUT", 0, false, cmd_rollout_pause, "start no further upgrades; those under way go on", "",
     "drover rollout pause esp32-1.1.0"},
    {"rollout", "resume", "ROLLOUT", 0, false, cmd_rollout_resume, "let a paused rollout go on", "", "drover rollout resume esp32-1.1.0"},
    {"rollout", "cancel", "ROLLOUT", 0, false, cmd_rollout_cancel, "end a rollout",
     "Devices that have not begun to install are told to stop; those that install or verify finish by themselves.",
     "drover rollout cancel esp32-1.1.0"},

    {"device", "list", "", O(MODEL) | O(STATE) | O(VERSION) | O(ONLINE) | O(OFFLINE) | O(LIMIT), false, cmd_device_list, "list devices",
     "Prints at most 1000 devices unless --limit says otherwise.", "drover device list --model esp32 --state failed\ndrover device list --offline -o name --limit 0"},
    {"device", "show", "DEVICE", 0, false, cmd_device_show,
     "say where a device stands and why, and what happens next and when", "", "drover device show d-000017"},
    {"device", "history", "DEVICE", O(LIMIT), false, cmd_device_history, "list what happened to a device, the newest first",
     "Prints at most 50 events unless --limit says otherwise, and never more than the newest 1000.", "drover device history d-000017"},
    {"device", "rollback", "DEVICE", 0, false, cmd_device_rollback, "tell a device to go back to its old version",
     "Refused (exit code 4) when the device's upgrade is in a state that has no way back.", "drover device rollback d-000017"},

    {"events", NULL, "", O(FOLLOW) | O(ROLLOUT) | O(DEVICE) | O(LIMIT) | O(AFTER) | O(SINCE), false, cmd_events,
     "print what happened, the oldest first",
     "With --follow it goes on printing as things happen, until it is stopped, --limit is reached or --timeout is over.",
     "drover events --since 1h --rollout esp32-1.1.0\ndrover events -f -o jsonl"},
    {"status", NULL, "", 0, false, cmd_status, "show how the server and the fleet are",
     "Ends with exit code 6 when the server answers but is not ready.", "drover status"},
    {"version", NULL, "", 0, true, cmd_version, "print the version of this program", "", "drover version"},
    {"help", NULL, "[NOUN] [VERB]", O(ALL) | O(MAN), true, cmd_help, "show help for a command", "",
     "drover help rollout start"},
    {"completion", NULL, "SHELL", 0, true, cmd_completion, "print the completion script of a shell (bash)", "",
     "drover completion bash > ~/.local/share/bash-completion/completions/drover"},
};

const struct command *commands(unsigned *ret_count)
{
    *ret_count = sizeof command_rows / sizeof command_rows[0];
    return command_rows;
}

const struct command *command_find(const char *noun, const char *verb)
{
    for (unsigned i = 0; i < sizeof command_rows / sizeof command_rows[0]; i++) {
        const struct command *command = &command_rows[i];

        if (strcmp(command->noun, noun) != 0)
            continue;
        if (!command->verb || (verb && strcmp(command->verb, verb) == 0))
            return command;
    }
    return NULL;
}

bool command_noun_known(const char *noun)
{
    for (unsigned i = 0; i < sizeof command_rows / sizeof command_rows[0]; i++)
        if (strcmp(command_rows[i].noun, noun) == 0)
            return true;
    return false;
}

const struct option_row *option_row(enum option_id id)
{
    return &option_rows[id];
}

bool command_takes(const struct command *command, enum option_id id)
{
    uint64_t bit = UINT64_C(1) << id;

    return (OPTIONS_GLOBAL & bit) || (command && (command->options & bit));
}

const char *list_next(const char **list, const char *separators, unsigned *ret_length)
{
    const char *word = *list + strspn(*list, separators);

    *ret_length = (unsigned)strcspn(word, separators);
    *list = word + *ret_length;
    return word;
}

void command_name(const struct command *command, char *ret)
{
    (void)snprintf(ret, COMMAND_NAME_SIZE, "%s%s%s", command->noun, command->verb ? " " : "", command->verb ? command->verb : "");
}
