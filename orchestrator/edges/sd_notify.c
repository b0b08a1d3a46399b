/* The protocol of sd_notify(3), without libsystemd and what it pulls in. */
#include "orchestrator/edges/sd_notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/text.h"

bool sd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length;
    ssize_t sent;
    int fd;

    if (!path || (path[0] != '/' && path[0] != '@') || !text_copy(address.sun_path, sizeof address.sun_path, path))
        return false;
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* abstract: its name is counted, not terminated */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address, length);
    close(fd);
    return sent == (ssize_t)strlen(state);
}

int64_t sd_watchdog_interval_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t interval_us, watched;

    if (!usec || !text_to_i64(usec, strlen(usec), 2000, INT64_MAX, &interval_us))
        return 0;
    if (pid && (!text_to_i64(pid, strlen(pid), 1, INT32_MAX, &watched) || watched != getpid()))
        return 0;
    return interval_us / 2000;
}
