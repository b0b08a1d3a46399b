/* Inside the link: what its files share. */
#pragma once

#include <MQTTAsync.h>
#include <pthread.h>

#include "agent/link.h"

#define LINK_TEXT_SIZE 256
#define LINK_INBOX 8             /* messages that wait for the loop; then the callback waits, and with it the broker */
#define LINK_QUEUE 16            /* messages that wait for the sending thread */
#define LINK_SAID_MAX 32         /* tickets on their way to the loop */
#define LINK_INFLIGHT 16         /* unacknowledged messages on their way to us */
#define LINK_PACKET_MAX 65536
#define LINK_RETRY_BASE_MS 1000

enum link_phase { LINK_IS_DOWN, LINK_CONNECTS, LINK_IS_UP };

struct link_message {
    enum topic_kind kind;
    size_t length;
    int qos;
    uint64_t ticket;
    char bytes[MESSAGE_SIZE];
};

struct link {
    struct link_config config;
    char url[LINK_TEXT_SIZE], password[LINK_TEXT_SIZE];
    char topics[TOPIC_EVENT][TOPIC_SIZE];   /* of each kind but the last */
    bool tls;
    MQTTAsync client;
    pthread_t thread;
    int fd;

    pthread_mutex_t lock;            /* of all below; never held while Paho is called */
    pthread_cond_t changed;          /* for the sending thread */
    pthread_cond_t room;             /* for a callback that waits for room in the inbox */
    enum link_phase phase;
    uint64_t epoch;                  /* of the connection: acknowledgements of older ones are void */
    bool told_up;                    /* what the loop heard last, */
    uint64_t told_epoch;             /* and of which connection */
    bool greeted, subscribed;        /* on this connection */
    int64_t phase_mono_ms, due_mono_ms;
    unsigned tries;
    bool has_failed;                 /* to connect, and the loop has not heard of it */
    bool tls_said_why;               /* in this try: better than what Paho says after it */
    int64_t goodbye_mono_ms;         /* until when to send what is left; 0: not ending */
    bool farewell_said;              /* the broker has the last `online` */
    char error[128];
    unsigned queue_first, queue_count;
    struct link_message queue[LINK_QUEUE];
    unsigned inbox_first, inbox_count;
    struct link_message inbox[LINK_INBOX];
    unsigned said_first, said_count;
    uint64_t said[LINK_SAID_MAX];
};

/* Wakes the loop. */
void link_wake(struct link *link);
/* Gives the lock back, and wakes the sending thread and the loop. */
void link_unlock_changed(struct link *link);
/* link_paho.c: the connection. */
MUST_USE enum drover_error link_client_make(struct link *link, struct problem *ret_problem);
void link_connect(struct link *link);
void link_subscribe(struct link *link);
void link_disconnect(struct link *link);
void link_went_down(struct link *link, const char *why);
/* link_messages.c */
int link_received(void *link, char *topic, int topic_length, MQTTAsync_message *message);
void link_send(struct link *link, const struct link_message *message);
bool link_send_online(struct link *link, bool online);
/* link_thread.c */
void *link_thread_run(void *link);
