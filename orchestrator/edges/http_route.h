/* The one table of routes, made from http_routes.def, and finding a request's row in it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/error.h"
#include "common/text.h"

#define HTTP_PART_BYTES (4u << 20)     /* one part of an upload */
#define HTTP_RESUME_BYTES (18u << 10)  /* what a device has of a package: 256 digests */
#define HTTP_JSON_BYTES (256u << 10)   /* a JSON body */
#define HTTP_PLAN_BYTES (1u << 20)     /* a rollout's plan */
#define HTTP_PARAMS_MAX 2              /* {names} in a path */
#define HTTP_QUERY_MAX 8               /* query parameters of a route */

enum http_route_id {
#define ROUTE(id, methods, path, audience, served_by, query, body_bytes) ROUTE_##id,
#include "orchestrator/edges/http_routes.def"
#undef ROUTE
    HTTP_ROUTE_COUNT
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_OTHER };
enum http_audience { HTTP_ANYONE, HTTP_DEVICE, HTTP_HOUSE, HTTP_VIEWER, HTTP_OPERATOR, HTTP_ADMIN };   /* the first two: on both listeners */
enum http_served_by { HTTP_THREAD, HTTP_LOOP, HTTP_HASHER, HTTP_SERVED_BY_COUNT };
enum http_listener { HTTP_DEVICES, HTTP_OPERATORS, HTTP_LISTENER_COUNT };

struct http_route {
    enum http_route_id id;
    const char *name;           /* the id in words: "ROLLOUT_PAUSE" */
    enum http_method method;
    const char *path;
    enum http_audience audience;
    enum http_served_by served_by;
    const char *query;          /* names, separated by one space */
    size_t body_bytes;
};

const struct http_route *http_route_get(enum http_route_id id);
/* The largest body that any route of the listener takes. */
size_t http_route_body_max(enum http_listener listener);
const char *http_method_name(enum http_method method);

enum http_match { HTTP_MATCHED, HTTP_NO_PATH, HTTP_BAD_PARAM, HTTP_NO_METHOD };
struct http_found {
    const struct http_route *route;                /* HTTP_MATCHED only */
    char params[HTTP_PARAMS_MAX][ID_SIZE];         /* decoded and checked, in the order of the path */
    char allow[48];                                /* HTTP_NO_METHOD: for the Allow header */
    char where[16];                                /* HTTP_BAD_PARAM: which {name} */
};
/* Finds the row of a raw (still percent-encoded) path. Paths are compared, never resolved: "..", "//" and "%2f" match nothing.
 * Rows that this listener does not serve are not there. */
enum http_match http_route_find(enum http_listener listener, enum http_method method, const char *path, struct http_found *ret_found);

/* Takes a raw query apart: *ret_values[i] is the decoded value (malloc'ed) of the route's i-th name, or NULL.
 * '+' stays a plus. DROVER_UNKNOWN, _DUPLICATE, _SYNTAX, _TOO_LONG with what and where; nothing is left allocated then. */
MUST_USE enum drover_error http_query_read(const struct http_route *route, const char *query, char *ret_values[HTTP_QUERY_MAX],
                                           struct problem *ret_problem);
/* The place of name in the route's list; -1 when it is not there. */
int http_query_index(const struct http_route *route, const char *name);

/* A line each: method, path, and the names of its query, separated by one space. For docs and tests. */
void http_routes_print(FILE *out);
