/* The listening sockets of the HTTP threads: one a thread and listener, together on one port (SO_REUSEPORT). */
#pragma once

#include "common/error.h"
#include "orchestrator/edges/http_route.h"

/* listen[i]: "127.0.0.1:8080" or "[::1]:8080", numeric; port 0: any free one; NULL or "": that listener is off. fds[thread][listener] belong to
 * the caller then, -1 where it is off; ret_ports[listener] is what was bound. On failure none is open, and *ret_problem says which setting. */
MUST_USE enum drover_error http_listen_open(const char *const listen[HTTP_LISTENER_COUNT], unsigned threads, int fds[][HTTP_LISTENER_COUNT],
                                            unsigned ret_ports[HTTP_LISTENER_COUNT], struct problem *ret_problem);
void http_listen_close(int fds[][HTTP_LISTENER_COUNT], unsigned count);
