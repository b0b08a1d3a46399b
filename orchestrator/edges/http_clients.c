/* See http_clients.h. */
#include "orchestrator/edges/http_clients.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "orchestrator/edges/networks.h"
#include "orchestrator/edges/rate_limit.h"
#include "orchestrator/edges/waiting_line.h"

#define SECOND_US INT64_C(1000000)
#define BURST_S 2          /* as many at once as in so many seconds ... */
#define BURST_MIN 20       /* ... and never fewer: a browser, a command line, a device that begins */
#define SIX_CUSTOMER_BYTES 8

enum client_kind { CLIENT_ADDRESS, CLIENT_DEVICE };

struct http_clients {
    struct rate_table *table;
    struct networks shared;
    struct rate of_all, of_address, of_device;
    unsigned address_connections;
    pthread_mutex_t lock;            /* of what follows */
    int64_t all_used_until_us;
    struct waiting_line requests, connections;
};

static struct rate rate_of(int64_t per_s)
{
    int64_t burst = BURST_S * per_s;
    return (struct rate){per_s, burst > BURST_MIN ? burst : BURST_MIN};
}

enum drover_error http_clients_new(const struct http_limits *limits, struct http_clients **ret_clients, struct problem *ret_problem)
{
    struct http_clients *clients = calloc(1, sizeof *clients);
    if (clients == NULL)
        return problem_set(ret_problem, DROVER_MEMORY, "http", "out of memory");
    pthread_mutex_init(&clients->lock, NULL);
    clients->of_all = rate_of(limits->requests_s);
    clients->of_address = rate_of(limits->address_requests_s);
    clients->of_device = rate_of(limits->device_requests_s);
    clients->address_connections = limits->address_connections;
    clients->table = rate_table_new(limits->clients);
    const char *shared = limits->shared_addresses != NULL ? limits->shared_addresses : "";
    enum drover_error error = networks_read(shared, "http.shared_addresses", &clients->shared, ret_problem);
    if (error == DROVER_OK && clients->table == NULL)
        error = problem_set(ret_problem, DROVER_MEMORY, "http.clients", "out of memory");
    if (error != DROVER_OK) {
        http_clients_free(clients);
        return error;
    }
    *ret_clients = clients;
    return DROVER_OK;
}

void http_clients_free(struct http_clients *clients)
{
    if (clients == NULL)
        return;
    rate_table_free(clients->table);
    pthread_mutex_destroy(&clients->lock);
    free(clients);
}

static bool is_four(const uint8_t address[NETWORK_ADDRESS_BYTES])
{
    static const uint8_t before[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, before, sizeof before) == 0;
}

uint64_t http_clients_address(const struct http_clients *clients, int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    uint8_t address[NETWORK_ADDRESS_BYTES];
    if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0 || !network_address((struct sockaddr *)&peer, address) ||
        networks_have(&clients->shared, address))
        return 0;
    return rate_table_key(clients->table, CLIENT_ADDRESS, address, is_four(address) ? sizeof address : SIX_CUSTOMER_BYTES);
}

/* --- requests --- */

static int seconds_up(int64_t us)
{
    return (int)((us + SECOND_US - 1) / SECOND_US);
}

/* His alone: nobody else comes at the same moment, so the jitter is small. */
static bool refuse_client(struct http_wait *ret_wait, int64_t wait_us)
{
    ret_wait->reason = REFUSED_CLIENT_REQUESTS;
    ret_wait->status = 429;
    ret_wait->retry_after_s = seconds_up(wait_us + (int64_t)(clock_random() % SECOND_US));
    return false;
}

/* Who is sent away comes back one by one, as far apart as requests may come. */
static bool take_of_all(struct http_clients *clients, int64_t now_us, struct http_wait *ret_wait)
{
    int64_t wait_us = 0;
    if (clients->of_all.per_s == 0)
        return true;
    pthread_mutex_lock(&clients->lock);
    bool may = rate_take(&clients->all_used_until_us, &clients->of_all, now_us, &wait_us);
    clients->requests.interval_us = SECOND_US / clients->of_all.per_s;
    if (may)
        waiting_line_served(&clients->requests, now_us);
    else
        *ret_wait = (struct http_wait){REFUSED_REQUESTS, 503, waiting_line_book(&clients->requests, now_us, clock_random())};
    pthread_mutex_unlock(&clients->lock);
    return may;
}

bool http_clients_request(struct http_clients *clients, uint64_t address, int64_t now_us, struct http_wait *ret_wait)
{
    int64_t wait_us = 0;
    if (address != 0 && !rate_table_take(clients->table, address, &clients->of_address, now_us, &wait_us))
        return refuse_client(ret_wait, wait_us);
    return take_of_all(clients, now_us, ret_wait);
}

bool http_clients_device(struct http_clients *clients, uint64_t address, const char *device_id, int64_t now_us, struct http_wait *ret_wait)
{
    int64_t wait_us = 0;
    uint64_t key = rate_table_key(clients->table, CLIENT_DEVICE, device_id, strlen(device_id));
    if (address != 0)
        rate_table_give_back(clients->table, address, &clients->of_address);
    return rate_table_take(clients->table, key, &clients->of_device, now_us, &wait_us) || refuse_client(ret_wait, wait_us);
}

/* --- connections --- */

bool http_clients_connect(struct http_clients *clients, uint64_t address, bool *ret_counted)
{
    *ret_counted = false;
    return address == 0 || rate_table_connect(clients->table, address, clients->address_connections, ret_counted);
}

void http_clients_disconnect(struct http_clients *clients, uint64_t address)
{
    rate_table_disconnect(clients->table, address);
}

void http_clients_house_full(struct http_clients *clients, int64_t now_us)
{
    pthread_mutex_lock(&clients->lock);
    waiting_line_filled(&clients->connections, now_us);
    pthread_mutex_unlock(&clients->lock);
}

void http_clients_house_open(struct http_clients *clients, int64_t now_us)
{
    pthread_mutex_lock(&clients->lock);
    waiting_line_freed(&clients->connections, now_us);
    pthread_mutex_unlock(&clients->lock);
}

int http_clients_turned_away(struct http_clients *clients, int64_t now_us)
{
    pthread_mutex_lock(&clients->lock);
    int seconds = waiting_line_book(&clients->connections, now_us, clock_random());
    pthread_mutex_unlock(&clients->lock);
    return seconds;
}
