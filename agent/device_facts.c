/* Small files of the kernel and of the integrator, read strictly. */
#include "agent/device_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

#define FILE_BYTES 4096

static ssize_t file_read_some(const char *path, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got;

    if (fd < 0)
        return -1;
    got = read(fd, ret, size);
    close(fd);
    return got;
}

enum drover_error device_line_read(const char *path, char *ret, size_t size, struct problem *ret_problem)
{
    char bytes[FILE_BYTES];
    ssize_t got = file_read_some(path, bytes, sizeof bytes);
    size_t length = got > 0 ? (size_t)(strcspn(bytes, "\n") < (size_t)got ? strcspn(bytes, "\n") : (size_t)got) : 0;
    enum drover_error error = DROVER_OK;

    if (got < 0)
        error = problem_set(ret_problem, DROVER_IO, path, "cannot be read: %s", strerror(errno));
    else if (length == 0)
        error = problem_set(ret_problem, DROVER_MISSING, path, "is empty");
    else if (!text_is_plain(bytes, length))
        error = problem_set(ret_problem, DROVER_SYNTAX, path, "is not a line of text");
    else if (!text_copy_n(ret, size, bytes, length))
        error = problem_set(ret_problem, DROVER_TOO_LONG, path, "its line has more than %zu bytes", size - 1);
    explicit_bzero(bytes, sizeof bytes); /* it may have been a password */
    return error;
}

enum drover_error device_boot_id(const struct agent_settings *settings, char ret_id[BOOT_ID_SIZE], struct problem *ret_problem)
{
    enum drover_error error = device_line_read(settings->boot_id_file, ret_id, BOOT_ID_SIZE, ret_problem);

    if (!error && !text_is_id(ret_id, strlen(ret_id)))
        error = problem_set(ret_problem, DROVER_SYNTAX, "device.boot_id_file", "what it holds is no id");
    return error;
}

enum drover_error device_version(const struct agent_settings *settings, struct slot_facts *facts, char ret_version[VERSION_SIZE], struct problem *ret_problem)
{
    char line[VERSION_SIZE + 1];
    enum drover_error error;

    for (unsigned i = 0; i < 2; i++)
        if (facts->slots[i].valid && !facts->slots[i].version[0])
            (void)text_copy(facts->slots[i].version, VERSION_SIZE, settings->device_version);
    if (!settings->device_version_file[0]) {
        const char *version = facts->slots[facts->running].version;

        (void)text_copy(ret_version, VERSION_SIZE, version[0] ? version : settings->device_version);
        return DROVER_OK;
    }
    error = device_line_read(settings->device_version_file, line, sizeof line, ret_problem);
    return error ? error : semver_read(line, strlen(line), ret_version, ret_problem);
}

static int64_t uptime_s(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_BOOTTIME, &now) == 0 ? now.tv_sec : ABSENT;
}

static int64_t battery_pct(const char *path)
{
    char line[16];
    int64_t value;

    if (!path[0] || device_line_read(path, line, sizeof line, NULL) != DROVER_OK || !text_to_i64(line, strlen(line), 0, 100, &value))
        return ABSENT;
    return value;
}

/* " wlan0: 0000   54.  -56.  -256 ...": the level is the third number. */
static int64_t rssi_dbm(const char *interface)
{
    char bytes[FILE_BYTES];
    ssize_t got = interface[0] ? file_read_some("/proc/net/wireless", bytes, sizeof bytes - 1) : -1;
    size_t length = strlen(interface);

    bytes[got > 0 ? got : 0] = '\0';
    for (const char *line = bytes; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        double level;

        line += strspn(line, " ");
        if (strncmp(line, interface, length) == 0 && line[length] == ':' && sscanf(line + length + 1, "%*s %*s %lf", &level) == 1 && level >= -200 && level <= 0)
            return (int64_t)level;
    }
    return ABSENT;
}

/* "/usr/share/zoneinfo/Europe/Berlin": what stands behind the folder. */
static const char *zone_in_path(const char *path)
{
    static const char folder[] = "/zoneinfo/";
    const char *found = strstr(path, folder);

    return found ? found + sizeof folder - 1 : path;
}

/* Asked each time: it may be set while the agent runs. A rule of POSIX ("CET-1CEST,M3.5.0,...") has no name and is not sent. */
static void time_zone(const char *setting, char ret[TIME_ZONE_SIZE])
{
    char link[256];
    const char *name = setting, *variable = getenv("TZ");
    ssize_t length;

    ret[0] = '\0';
    if (!name[0] && variable && variable[0]) {
        name = zone_in_path(variable + (variable[0] == ':'));
    } else if (!name[0]) {
        length = readlink("/etc/localtime", link, sizeof link - 1);
        link[length > 0 ? length : 0] = '\0';
        name = zone_in_path(link);
    }
    if (time_zone_name_fits(name))
        (void)text_copy(ret, TIME_ZONE_SIZE, name);
}

void device_heartbeat(const struct agent_settings *settings, struct heartbeat *ret_heartbeat)
{
    *ret_heartbeat = (struct heartbeat){
        .uptime_s = uptime_s(),
        .rssi_dbm = rssi_dbm(settings->device_wireless),
        .battery_pct = battery_pct(settings->device_battery_file),
        .kind = settings->mode == MODE_MANAGED ? KIND_MANAGED : KIND_SIMPLE,
    };
    (void)text_copy(ret_heartbeat->device_id, sizeof ret_heartbeat->device_id, settings->device_id);
    (void)text_copy(ret_heartbeat->model, sizeof ret_heartbeat->model, settings->device_model);
    (void)text_copy(ret_heartbeat->hw_rev, sizeof ret_heartbeat->hw_rev, settings->device_hw_rev);
    (void)text_copy(ret_heartbeat->network, sizeof ret_heartbeat->network, settings->device_network);
    time_zone(settings->device_time_zone, ret_heartbeat->tz);
    (void)text_copy(ret_heartbeat->priority, sizeof ret_heartbeat->priority, settings->device_priority);
    (void)text_copy(ret_heartbeat->tags, sizeof ret_heartbeat->tags, settings->device_tags);
}
