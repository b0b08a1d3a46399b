/* See http_route.h: the table itself, the comparison of paths, and reading queries. */
#include "orchestrator/edges/http_route.h"

#include <stdlib.h>
#include <string.h>

#include "common/semver.h"
#include "common/sha256.h"

/* The names that the columns of the table use. */
enum { GET = HTTP_GET, POST = HTTP_POST, PUT = HTTP_PUT };
enum { ANYONE = HTTP_ANYONE, DEVICE = HTTP_DEVICE, HOUSE = HTTP_HOUSE, VIEWER = HTTP_VIEWER, OPERATOR = HTTP_OPERATOR, ADMIN = HTTP_ADMIN };
enum { THREAD = HTTP_THREAD, LOOP = HTTP_LOOP, HASHER = HTTP_HASHER };

static const struct http_route routes[HTTP_ROUTE_COUNT] = {
#define ROUTE(id_, methods_, path_, audience_, served_by_, query_, body_bytes_)                            \
    [ROUTE_##id_] = {ROUTE_##id_, #id_, (enum http_method)(methods_), path_, (enum http_audience)(audience_),    \
                     (enum http_served_by)(served_by_), query_, body_bytes_},
#include "orchestrator/edges/http_routes.def"
#undef ROUTE
};

#define QUERY_VALUE_MAX 256

const struct http_route *http_route_get(enum http_route_id id)
{
    return &routes[id];
}

static bool route_is_on(const struct http_route *route, enum http_listener listener)
{
    return listener == HTTP_OPERATORS || route->audience <= HTTP_DEVICE;
}

size_t http_route_body_max(enum http_listener listener)
{
    size_t most = 0;
    for (size_t i = 0; i < HTTP_ROUTE_COUNT; i++)
        if (route_is_on(&routes[i], listener) && routes[i].body_bytes > most)
            most = routes[i].body_bytes;
    return most;
}

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "OTHER"};
    return names[method];
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* Percent-decodes length bytes into ret (size bytes). False: a bad escape, a NUL, or too long. */
static bool decode(const char *text, size_t length, char *ret, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (byte == '%') {
            int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = (char)(high << 4 | low);
            i += 2;
        }
        if (byte == '\0' || used + 1 >= size)
            return false;
        ret[used++] = byte;
    }
    ret[used] = '\0';
    return true;
}

static bool name_is(const char *name, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(name, word, length) == 0;
}

/* Is the raw segment a good value for {name}? Then ret (ID_SIZE) is it, decoded. */
static bool param_read(const char *name, size_t name_length, const char *segment, size_t length, char *ret)
{
    char value[ID_SIZE];
    if (!decode(segment, length, value, sizeof value))
        return false;
    if (name_is(name, name_length, "version"))
        return semver_read(value, strlen(value), ret, NULL) == DROVER_OK;
    bool good = name_is(name, name_length, "sha256") ? text_is_hex(value, strlen(value), SHA256_HEX_SIZE - 1)
                                                     : text_is_id(value, strlen(value));
    return good && text_copy(ret, ID_SIZE, value);
}

/* Compares a raw path with a pattern, segment by segment. Values that are none are found only once all the rest fits. */
static enum http_match path_match(const char *pattern, const char *path, struct http_found *ret)
{
    enum http_match match = HTTP_MATCHED;
    unsigned params = 0;
    while (*pattern == '/' && *path == '/') {
        size_t name_length = strcspn(++pattern, "/"), length = strcspn(++path, "/");
        if (*pattern == '{') {
            if (length == 0)
                return HTTP_NO_PATH;
            if (!param_read(pattern + 1, name_length - 2, path, length, ret->params[params++])) {
                match = HTTP_BAD_PARAM;
                (void)text_copy_n(ret->where, sizeof ret->where, pattern + 1, name_length - 2);
            }
        } else if (name_length != length || memcmp(pattern, path, length) != 0) {
            return HTTP_NO_PATH;
        }
        pattern += name_length;
        path += length;
    }
    return *pattern == '\0' && *path == '\0' ? match : HTTP_NO_PATH;
}

static bool method_serves(enum http_method offered, enum http_method asked)
{
    return offered == asked || (offered == HTTP_GET && asked == HTTP_HEAD);
}

static void allow_add(char *allow, size_t size, enum http_method method)
{
    const char *words = method == HTTP_GET ? "GET, HEAD" : http_method_name(method);
    size_t used = strlen(allow);
    snprintf(allow + used, size - used, "%s%s", used > 0 ? ", " : "", words);
}

enum http_match http_route_find(enum http_listener listener, enum http_method method, const char *path, struct http_found *ret_found)
{
    *ret_found = (struct http_found){0};
    enum http_match best = HTTP_NO_PATH;
    for (size_t i = 0; i < HTTP_ROUTE_COUNT; i++) {
        const struct http_route *route = &routes[i];
        if (!route_is_on(route, listener))
            continue;
        enum http_match match = path_match(route->path, path, ret_found);
        if (match == HTTP_NO_PATH)
            continue;
        if (match == HTTP_MATCHED && !method_serves(route->method, method)) {
            allow_add(ret_found->allow, sizeof ret_found->allow, route->method);
            match = HTTP_NO_METHOD;
        }
        if (match == HTTP_MATCHED) {
            ret_found->route = route;
            return HTTP_MATCHED;
        }
        best = match;
    }
    return best;
}

int http_query_index(const struct http_route *route, const char *name)
{
    size_t length = strlen(name);
    int index = 0;
    for (const char *at = route->query; *at != '\0'; index++) {
        size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, name, length) == 0)
            return index;
        at += word;
        at += strspn(at, " ");
    }
    return -1;
}

/* One "name=value"; text is what stands between two '&'. */
static enum drover_error pair_read(const struct http_route *route, const char *text, size_t length, char *values[HTTP_QUERY_MAX],
                                   struct problem *ret_problem)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
    char name[32], value[QUERY_VALUE_MAX + 1] = "", shown[32];
    if (!decode(text, name_length, name, sizeof name))
        return problem_set(ret_problem, DROVER_UNKNOWN, text_excerpt(shown, sizeof shown, text, name_length), "no such parameter");
    int index = http_query_index(route, name);
    if (index < 0) {
        if (route->audience <= HTTP_DEVICE)
            return DROVER_OK;   /* devices may send more than this version knows */
        return problem_set(ret_problem, DROVER_UNKNOWN, text_excerpt(shown, sizeof shown, name, strlen(name)), "no such parameter");
    }
    if (values[index] != NULL)
        return problem_set(ret_problem, DROVER_DUPLICATE, name, "given twice");
    if (equals != NULL && length - name_length - 1 > 3u * QUERY_VALUE_MAX)
        return problem_set(ret_problem, DROVER_TOO_LONG, name, "longer than %d bytes", QUERY_VALUE_MAX);
    if (equals != NULL && !decode(equals + 1, length - name_length - 1, value, sizeof value))
        return problem_set(ret_problem, DROVER_SYNTAX, name, "a bad percent escape, or longer than %d bytes", QUERY_VALUE_MAX);
    values[index] = strdup(value);
    return values[index] != NULL ? DROVER_OK : problem_set(ret_problem, DROVER_MEMORY, name, "out of memory");
}

enum drover_error http_query_read(const struct http_route *route, const char *query, char *ret_values[HTTP_QUERY_MAX],
                                  struct problem *ret_problem)
{
    char *values[HTTP_QUERY_MAX] = {0};
    enum drover_error error = DROVER_OK;
    for (const char *at = query != NULL ? query : ""; *at != '\0' && error == DROVER_OK;) {
        size_t length = strcspn(at, "&");
        if (length > 0)
            error = pair_read(route, at, length, values, ret_problem);
        at += length;
        at += *at == '&';
    }
    for (size_t i = 0; i < HTTP_QUERY_MAX; i++) {
        if (error == DROVER_OK)
            ret_values[i] = values[i];
        else
            free(values[i]);
    }
    return error;
}

void http_routes_print(FILE *out)
{
    for (size_t i = 0; i < HTTP_ROUTE_COUNT; i++)
        fprintf(out, "%s %s%s%s\n", http_method_name(routes[i].method), routes[i].path, routes[i].query[0] != '\0' ? " " : "", routes[i].query);
}
