/* Who asks how often, and how many connections an address holds: the limits of each client and of all together. Locks itself; every HTTP thread uses it.
 *
 * A client is a device that proved its id, whatever addresses it comes from; anybody else is his address (of IPv6 the /64 network, which is one
 * customer's). Addresses behind which many devices stand (a proxy, a carrier's NAT) can be named; as such they have no limits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/edges/http_metrics.h"
#include "orchestrator/edges/http_server.h"

struct http_clients;
/* On failure *ret_problem says which setting and why. */
MUST_USE enum drover_error http_clients_new(const struct http_limits *limits, struct http_clients **ret_clients, struct problem *ret_problem);
void http_clients_free(struct http_clients *clients);

/* The address behind a socket, as what the calls below take. 0: no limit holds for it. */
uint64_t http_clients_address(const struct http_clients *clients, int fd);

/* Too many, and when to come again. */
struct http_wait {
    enum http_refusal reason;
    int status;               /* 429: the client's own limit; 503: everybody's */
    int retry_after_s;
};
/* One request more. False: *ret_wait. */
bool http_clients_request(struct http_clients *clients, uint64_t address, int64_t now_us, struct http_wait *ret_wait);
/* It was a device's, which has proved it: it counts as the device's instead. */
bool http_clients_device(struct http_clients *clients, uint64_t address, const char *device_id, int64_t now_us, struct http_wait *ret_wait);

/* One connection more. False: the address has its fill. *ret_counted: _disconnect must follow. */
bool http_clients_connect(struct http_clients *clients, uint64_t address, bool *ret_counted);
void http_clients_disconnect(struct http_clients *clients, uint64_t address);
/* All places for connections are taken; one got free. _turned_away: who comes meanwhile shall come again in so many seconds. */
void http_clients_house_full(struct http_clients *clients, int64_t now_us);
void http_clients_house_open(struct http_clients *clients, int64_t now_us);
int http_clients_turned_away(struct http_clients *clients, int64_t now_us);
