/* The slots as the settings describe them: the parts taken apart, the running slot looked up. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_settings.h"

#define CMDLINE_BYTES 4096

static const char *const backends[] = {"file", "block", "script", "rauc", "swupdate"};   /* as in the table of settings */

/* "rootfs=/dev/x:/dev/y", or "rootfs" alone. */
static enum drover_error part_read(const char *text, size_t length, struct slot_part *ret, struct problem *ret_problem)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals ? (size_t)(equals - text) : length;
    const char *colon;

    if (!text_is_id(text, name_length))
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.parts", "a part's name must be an id");
    (void)text_copy_n(ret->name, sizeof ret->name, text, name_length);
    if (!equals)
        return DROVER_OK;
    colon = memchr(equals, ':', length - name_length);
    if (!colon || colon == equals + 1 || colon + 1 == text + length)
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.parts", "%s: must be NAME=DEVICE_A:DEVICE_B", ret->name);
    (void)text_copy_n(ret->device[SLOT_A], sizeof ret->device[0], equals + 1, (size_t)(colon - equals - 1));
    (void)text_copy_n(ret->device[SLOT_B], sizeof ret->device[0], colon + 1, (size_t)(text + length - colon - 1));
    return DROVER_OK;
}

static enum drover_error parts_read(const char *text, struct slots_config *config, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;

    for (text += strspn(text, " "); *text && !error; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");

        if (config->part_count == SLOT_PARTS_MAX)
            return problem_set(ret_problem, DROVER_FULL, "slots.parts", "more than %d", SLOT_PARTS_MAX);
        error = part_read(text, length, &config->parts[config->part_count++], ret_problem);
        text += length;
    }
    return error;
}

static const char *slot_letter(const char *value)
{
    static const char *const names[] = {"a", "b"};

    return *value == 'a' || *value == 'A' ? names[0] : *value == 'b' || *value == 'B' ? names[1] : NULL;
}

/* The value that the kernel's command line gives the parameter. */
static enum drover_error parameter_read(const char *parameter, const char **ret_running, struct problem *ret_problem)
{
    char line[CMDLINE_BYTES];
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    size_t length = strlen(parameter);

    if (fd >= 0)
        close(fd);
    line[got > 0 ? got : 0] = '\0';
    for (const char *at = line; *at; at += strcspn(at, " \n"), at += strspn(at, " \n")) {
        if (strncmp(at, parameter, length) != 0 || at[length] != '=')
            continue;
        *ret_running = slot_letter(at + length + 1);
        if (*ret_running)
            return DROVER_OK;
        return problem_set(ret_problem, DROVER_SYNTAX, "slots.running_parameter", "/proc/cmdline names neither slot a nor b");
    }
    return problem_set(ret_problem, DROVER_NOT_FOUND, "slots.running_parameter", "/proc/cmdline has no %s", parameter);
}

enum drover_error agent_settings_slots(const struct agent_settings *settings, struct slots_config *ret_config, struct problem *ret_problem)
{
    struct slots_config config = {
        .backend = backends[settings->slots_backend],
        .dir = settings->slots_dir,
        .staging_dir = settings->staging_dir[0] ? settings->staging_dir : settings->state_dir,
        .running = settings->slots_running,
        .install_command = settings->slots_install_command,
        .switch_command = settings->slots_switch_command,
        .confirm_command = settings->slots_confirm_command,
        .back_command = settings->slots_back_command,
        .command_timeout_ms = settings->slots_command_timeout_s * 1000,
    };
    enum drover_error error = parts_read(settings->slots_parts, &config, ret_problem);

    if (!error && settings->slots_running_parameter[0])
        error = parameter_read(settings->slots_running_parameter, &config.running, ret_problem);
    if (!error)
        *ret_config = config;
    return error;
}
