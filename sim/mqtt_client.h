/* One MQTT connection on libevent: connects, says who it is, keeps itself alive, comes back after a loss.
 * It is small because the simulator opens 20,000 of them in one process, which Paho's threads and global lock cannot do.
 * It knows nothing of windows and repetitions: mqtt_outbox.h does that for devices, load.c for itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/buffer.h"
#include "common/error.h"
#include "sim/mqtt_packet.h"

struct event_base;
struct mqtt_client;

struct tls;

#define MQTT_HOST_SIZE 256

struct mqtt_address {
    struct sockaddr_storage address;
    socklen_t length;
    bool tls;
    char host[MQTT_HOST_SIZE];   /* as it stands in the URL; "" of a unix socket */
};
/* tcp://host:port, mqtt://host[:port], with TLS ssl:// or mqtts://, or unix:///path; resolves the name once. */
MUST_USE enum drover_error mqtt_address_read(const char *url, struct mqtt_address *ret_address, struct problem *ret_problem);
/* A socket for a connection there, not connected yet; -1 with errno kept. To a broker on this machine `place` chooses among several
 * source addresses: from one alone the kernel finds half of its ports fast and the rest slowly. */
int mqtt_address_socket(const struct mqtt_address *address, uint64_t place);

/* What happens, told to the owner. None of them may free the client; closing it is fine. */
struct mqtt_handler {
    void (*connected)(void *arg, const struct mqtt_connack *connack);
    void (*lost)(void *arg, const char *why);            /* after connected; it reconnects by itself */
    void (*received)(void *arg, const struct mqtt_publish *publish);
    void (*acknowledged)(void *arg, const struct mqtt_ack *ack);
    void (*subscribed)(void *arg, const struct mqtt_ack *ack);
    void (*drained)(void *arg);                          /* all that had arrived has been told; may be NULL */
};

/* Shared by all clients of a process and outliving them. */
struct mqtt_config {
    struct event_base *base;
    struct mqtt_address address;
    struct tls *tls;                   /* for an address with TLS; client ids are the ids of devices then */
    enum mqtt_version version;
    const char *username, *password;   /* NULL: none */
    uint16_t keepalive_s;
    uint32_t session_expiry_s;
    int64_t connect_timeout_ms;        /* from connect() to CONNACK */
    int64_t backoff_base_ms, backoff_cap_ms;
    size_t packet_max;                 /* a longer packet from the broker ends the connection */
    const struct mqtt_handler *handler;
    struct mqtt_totals *totals;        /* counted here by all clients; never NULL */
};

struct mqtt_totals {
    uint64_t connects, losses, refusals, malformed;
    uint64_t packets_in, bytes_in, bytes_out;
    uint64_t up;                       /* clients connected now */
};

/* client_id and will_topic are copied; will_topic NULL: no will. The client starts closed. NULL: out of memory. */
struct mqtt_client *mqtt_client_new(const struct mqtt_config *config, const char *client_id, const char *will_topic,
                                    struct mqtt_view will_payload, void *arg);
void mqtt_client_free(struct mqtt_client *client);
/* Connects now, and again after every loss, until it is closed. The first connection of a client starts a clean session, the
 * later ones continue it. */
void mqtt_client_connect(struct mqtt_client *client);
enum mqtt_close {
    MQTT_CLOSE_FORGET,   /* DISCONNECT, the broker drops the session */
    MQTT_CLOSE_VANISH    /* as if the power was cut: the last will speaks, the session stays */
};
void mqtt_client_close(struct mqtt_client *client, enum mqtt_close how);
bool mqtt_client_is_up(const struct mqtt_client *client);
/* True once nothing of it is open or still being written: after a close, when it may be freed without loss. */
bool mqtt_client_is_closed(const struct mqtt_client *client);
/* Writes whole packets; dropped when it is not up. */
void mqtt_client_send(struct mqtt_client *client, const void *bytes, size_t length);
/* Bytes given to it that the kernel has not taken yet. */
size_t mqtt_client_unsent(const struct mqtt_client *client);
