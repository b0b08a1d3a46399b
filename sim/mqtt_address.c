/* Where the broker is, from a URL. Names are resolved once, at start: 20,000 clients must not ask a name server each. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/text.h"
#include "sim/mqtt_client.h"

#define LOOPBACK_NET 127
#define LOOPBACK_SOURCES 8

static enum drover_error read_unix(const char *path, struct mqtt_address *ret_address, struct problem *ret_problem)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&ret_address->address;

    memset(ret_address, 0, sizeof *ret_address);
    address->sun_family = AF_UNIX;
    if (path[0] != '/' || !text_copy(address->sun_path, sizeof address->sun_path, path))
        return problem_set(ret_problem, DROVER_SYNTAX, "mqtt", "'%s' is not the absolute path of a socket", path);
    ret_address->length = sizeof *address;
    return DROVER_OK;
}

/* Splits host:port, [v6]:port or host. */
static bool split(const char *text, const char *default_port, char *ret_host, size_t host_size, char *ret_port, size_t port_size)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = strrchr(end ? end : text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    const char *port = colon ? colon + 1 : default_port;

    if (end) {
        text++;
        length = (size_t)(end - text);
    }
    return length > 0 && text_copy_n(ret_host, host_size, text, length) && port[0] && text_copy(ret_port, port_size, port);
}

static enum drover_error resolve(const char *host, const char *port, struct mqtt_address *ret_address, struct problem *ret_problem)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int error = getaddrinfo(host, port, &hints, &found);

    if (error != 0)
        return problem_set(ret_problem, DROVER_UNAVAILABLE, "mqtt", "%s port %s: %s", host, port, gai_strerror(error));
    memset(ret_address, 0, sizeof *ret_address);
    memcpy(&ret_address->address, found->ai_addr, found->ai_addrlen);
    ret_address->length = found->ai_addrlen;
    freeaddrinfo(found);
    return DROVER_OK;
}

enum drover_error mqtt_address_read(const char *url, struct mqtt_address *ret_address, struct problem *ret_problem)
{
    static const struct {
        const char *text, *default_port;
        bool tls;
    } schemes[] = {{"tcp://", "1883", false}, {"mqtt://", "1883", false}, {"ssl://", "8883", true}, {"mqtts://", "8883", true}};
    char host[MQTT_HOST_SIZE], port[16];
    enum drover_error error;

    if (strncmp(url, "unix://", 7) == 0)
        return read_unix(url + 7, ret_address, ret_problem);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].text);

        if (strncmp(url, schemes[i].text, length) != 0 || !split(url + length, schemes[i].default_port, host, sizeof host, port, sizeof port))
            continue;
        error = resolve(host, port, ret_address, ret_problem);
        ret_address->tls = schemes[i].tls;
        memcpy(ret_address->host, host, sizeof host);
        return error;
    }
    return problem_set(ret_problem, DROVER_SYNTAX, "mqtt", "'%s' is not tcp://host:port, ssl://host:port or unix:///path", url);
}

static bool is_loopback(const struct mqtt_address *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->address;

    return in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == LOOPBACK_NET;
}

int mqtt_address_socket(const struct mqtt_address *address, uint64_t place)
{
    int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};

    if (fd < 0 || !is_loopback(address))
        return fd;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(place % LOOPBACK_SOURCES));
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&source, sizeof source) == 0)
        return fd;
    (void)close(fd);
    return -1;
}
