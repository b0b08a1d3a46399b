/* See http_listen.h. */
#include "orchestrator/edges/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
/* What the kernel may hold of a reply before its first time on the wire. Without it some 4 MiB a connection pile up behind a slow reader: a few
 * hundred of them use up the kernel's memory for TCP, and progress is seen 4 MiB too early. */
#define UNSENT_BYTES 131072

static const char *const setting_names[HTTP_LISTENER_COUNT] = {"http.listen", "api.listen"};

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* A numeric address and a port; names would need a resolver, which may hang at start. */
static bool address_fill(const char *host, uint16_t port, struct address *ret)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&ret->storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret->storage;
    *ret = (struct address){0};
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        ret->length = sizeof *four;
    } else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        ret->length = sizeof *six;
    }
    return ret->length > 0;
}

static enum drover_error address_read(const char *text, const char *setting, struct address *ret, struct problem *ret_problem)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    size_t brackets = length > 2 && text[0] == '[' && colon[-1] == ']';
    char host[INET6_ADDRSTRLEN];
    int64_t port = 0;
    if (colon != NULL && text_to_i64(colon + 1, strlen(colon + 1), 0, 65535, &port) &&
        text_copy_n(host, sizeof host, text + brackets, length - 2 * brackets) && address_fill(host, (uint16_t)port, ret))
        return DROVER_OK;
    return problem_set(ret_problem, DROVER_SYNTAX, setting, "\"%.60s\" is not like 127.0.0.1:8080 or [::1]:8080", text);
}

static unsigned address_port(const struct address *address)
{
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

/* A listening socket. shared: together with others of this process. Connections inherit its options. */
static int socket_listen(const struct address *address, bool shared)
{
    const int on = 1, unsent = UNSENT_BYTES;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) == 0 &&
        bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* SO_REUSEPORT would let a second droverd share our port unnoticed. So first listen as if alone. */
static enum drover_error address_claim(struct address *address, const char *setting, struct problem *ret_problem)
{
    int fd = socket_listen(address, false);
    if (fd < 0)
        return problem_set(ret_problem, DROVER_UNAVAILABLE, setting, "cannot listen: %s", strerror(errno));
    address->length = sizeof address->storage;
    int failed = getsockname(fd, (struct sockaddr *)&address->storage, &address->length);   /* the port, when 0 was asked */
    close(fd);
    return failed == 0 ? DROVER_OK : problem_set(ret_problem, DROVER_IO, setting, "getsockname: %s", strerror(errno));
}

void http_listen_close(int fds[][HTTP_LISTENER_COUNT], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < HTTP_LISTENER_COUNT; j++)
            if (fds[i][j] >= 0)
                close(fds[i][j]);
}

enum drover_error http_listen_open(const char *const listen[HTTP_LISTENER_COUNT], unsigned threads, int fds[][HTTP_LISTENER_COUNT],
                                   unsigned ret_ports[HTTP_LISTENER_COUNT], struct problem *ret_problem)
{
    memset(fds, -1, threads * sizeof fds[0]);
    for (unsigned j = 0; j < HTTP_LISTENER_COUNT; j++) {
        struct address address;
        enum drover_error error;
        if (listen[j] == NULL || listen[j][0] == '\0')
            continue;
        error = address_read(listen[j], setting_names[j], &address, ret_problem);
        if (error == DROVER_OK)
            error = address_claim(&address, setting_names[j], ret_problem);
        for (unsigned i = 0; i < threads && error == DROVER_OK; i++) {
            fds[i][j] = socket_listen(&address, true);
            if (fds[i][j] < 0)
                error = problem_set(ret_problem, DROVER_UNAVAILABLE, setting_names[j], "cannot listen: %s", strerror(errno));
        }
        if (error != DROVER_OK) {
            http_listen_close(fds, threads);
            return error;
        }
        ret_ports[j] = address_port(&address);
    }
    return DROVER_OK;
}
