/* Between mqtt_client.c, the life of a connection, and mqtt_client_read.c, what arrives on it. */
#pragma once

#include "sim/mqtt_client.h"

struct bufferevent;
struct event;

enum client_state { CLIENT_CLOSED, CLIENT_CONNECTING, CLIENT_GREETING, CLIENT_UP, CLIENT_WAITING, CLIENT_CLOSING };

struct mqtt_client {
    const struct mqtt_config *config;
    void *arg;
    struct bufferevent *stream;     /* NULL while closed and waiting */
    struct event *timer;
    char *client_id;
    char *will_topic;
    struct mqtt_view will_payload;  /* the owner's, outlives the client */
    enum client_state state;
    unsigned failures;              /* connections in a row that did not come up */
    int64_t heard_ms, sent_ms;      /* mono: when the broker was last heard, and last told something */
    uint16_t keepalive_s;
    bool pinged;
    bool greeted_before;            /* a session exists that must be continued */
};

/* Leaves whatever it was in and waits for the next try. Only a connection that was up is told to the owner. */
void mqtt_client_lose(struct mqtt_client *client, const char *why);
/* Begins to look after a connection that has just come up. */
void mqtt_client_keepalive(struct mqtt_client *client);
/* The stream's callback: bytes have arrived. */
void mqtt_client_readable(struct bufferevent *stream, void *client);
