/* Reads Redis URLs. */
#include "orchestrator/edges/redis_url.h"

#include <string.h>

#include "common/text.h"

static enum drover_error read_number(const char *text, size_t length, int min, int max, const char *where, int *ret, struct problem *ret_problem)
{
    int64_t value;
    if (!text_to_i64(text, length, min, max, &value))
        return problem_set(ret_problem, DROVER_RANGE, where, "must be a number from %d to %d", min, max);
    *ret = (int)value;
    return DROVER_OK;
}

static enum drover_error read_unix(const char *rest, struct redis_url *url, struct problem *ret_problem)
{
    url->is_unix = true;
    const char *query = strchr(rest, '?');
    size_t length = query ? (size_t)(query - rest) : strlen(rest);
    if (length == 0 || rest[0] != '/')
        return problem_set(ret_problem, DROVER_SYNTAX, "redis.url", "a socket's path must begin with / (unix:///run/redis.sock)");
    if (!text_copy_n(url->path, sizeof url->path, rest, length))
        return problem_set(ret_problem, DROVER_TOO_LONG, "redis.url", "a socket's path has at most %zu characters", sizeof url->path - 1);
    if (!query)
        return DROVER_OK;
    if (strncmp(query, "?db=", 4) != 0)
        return problem_set(ret_problem, DROVER_SYNTAX, "redis.url", "only ?db=N may follow the path");
    return read_number(query + 4, strlen(query + 4), 0, 1023, "redis.url db", &url->database, ret_problem);
}

static enum drover_error read_tcp(const char *rest, struct redis_url *url, struct problem *ret_problem)
{
    url->port = 6379;
    const char *slash = strchr(rest, '/');
    const char *end = slash ? slash : rest + strlen(rest);
    if (memchr(rest, '@', (size_t)(end - rest)))
        return problem_set(ret_problem, DROVER_SYNTAX, "redis.url", "name and password belong into redis.username and redis.password_file");
    const char *host = rest, *host_end;
    if (*host == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end)
            return problem_set(ret_problem, DROVER_SYNTAX, "redis.url", "no ] after the address");
        rest = host_end + 1;
    } else {
        host_end = memchr(host, ':', (size_t)(end - host));
        rest = host_end = host_end ? host_end : end;
    }
    if (host_end == host || !text_copy_n(url->host, sizeof url->host, host, (size_t)(host_end - host)))
        return problem_set(ret_problem, DROVER_SYNTAX, "redis.url", "no host, or one of more than 253 characters");
    if (rest < end) {
        if (*rest != ':')
            return problem_set(ret_problem, DROVER_SYNTAX, "redis.url", "only :port or /db may follow the host");
        enum drover_error error = read_number(rest + 1, (size_t)(end - rest - 1), 1, 65535, "redis.url port", &url->port, ret_problem);
        if (error)
            return error;
    }
    if (!slash || !slash[1])
        return DROVER_OK;
    return read_number(slash + 1, strlen(slash + 1), 0, 1023, "redis.url db", &url->database, ret_problem);
}

enum drover_error redis_url_read(const char *text, struct redis_url *ret_url, struct problem *ret_problem)
{
    struct redis_url url = {0};
    enum drover_error error;
    if (strncmp(text, "unix://", 7) == 0)
        error = read_unix(text + 7, &url, ret_problem);
    else if (strncmp(text, "redis://", 8) == 0)
        error = read_tcp(text + 8, &url, ret_problem);
    else
        error = problem_set(ret_problem, DROVER_SYNTAX, "redis.url", "must begin with unix:// or redis://");
    if (!error)
        *ret_url = url;
    return error;
}
