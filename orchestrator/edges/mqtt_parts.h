/* Inside the MQTT link: what its files share. */
#pragma once

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/text.h"
#include "orchestrator/edges/mqtt_link.h"
#include "proto/topics.h"

#define MQTT_RECEIVE_MAX 1000              /* unacknowledged messages that the broker may have on the way to us */
#define MQTT_PACKET_MAX (256u << 10)       /* above MESSAGE_SIZE by far: what is too long shall come and be counted */
#define MQTT_CONNECT_TIMEOUT_S 10
#define MQTT_WILL_DELAY_S 5                /* a quick restart is no news */
#define MQTT_GOODBYE_MS 2000               /* for the last status and the DISCONNECT */
#define MQTT_TEXT_SIZE 256

/* --- receiving: Paho's threads, one at a time (mqtt_receive.c) --- */

struct mqtt_receiver {
    struct ring *heartbeats, *reports;
    _Atomic uint64_t heartbeat_count, report_count, byte_count, oversized_count;
};
/* MQTTAsync_messageArrived; context is a struct mqtt_receiver. */
int mqtt_received(void *context, char *topic, int topic_length, MQTTAsync_message *message);

/* --- connecting (mqtt_options.c) --- */

struct mqtt_identity {
    char url[MQTT_TEXT_SIZE];              /* as Paho wants it: tcp:// or ssl:// */
    bool tls;
    char client_id[ID_SIZE + 16];
    char status_topic[TOPIC_SIZE];         /* service/<instance>/status */
    char username[MQTT_TEXT_SIZE];
    char password[MQTT_TEXT_SIZE];
    char ca_file[MQTT_TEXT_SIZE];          /* "": none, here and below */
    char certificate_file[MQTT_TEXT_SIZE];
    char key_file[MQTT_TEXT_SIZE];
    int keepalive_s;
    int64_t session_expiry_s;
};
MUST_USE enum drover_error mqtt_identity_make(const struct mqtt_link_config *config, struct mqtt_identity *ret, struct problem *ret_problem);
/* Starts a connection; the callbacks below get `link`. Returns Paho's code. */
int mqtt_connect(MQTTAsync client, const struct mqtt_identity *identity, struct mqtt_link *link);
/* The status message that is also the will. */
const char *mqtt_status_payload(bool online);
/* What Paho says went wrong, for people. */
void mqtt_failure_text(const MQTTAsync_failureData5 *data, char *ret, size_t size);

/* --- the link's own state --- */

enum phase { PHASE_DOWN, PHASE_CONNECTING, PHASE_UP };

struct mqtt_link {
    struct mqtt_identity identity;
    struct mqtt_receiver receiver;
    char filters[TOPIC_FILTER_COUNT][TOPIC_SIZE];
    struct outbox *outbox;
    int64_t retry_base_ms, retry_cap_ms;
    MQTTAsync client;
    pthread_t thread;
    int fd;

    pthread_mutex_t lock;            /* of all below */
    enum phase phase;
    struct mqtt_link_state state;
    int64_t phase_mono_ms;           /* when the phase began */
    int64_t due_mono_ms;             /* of the next connect (down) or subscribe (up, not subscribed) */
    unsigned tries;
    bool greeted;                    /* the status was said on this connection */
    bool tls_said_why;               /* state.error says why the handshake of this try failed */
    int64_t goodbye_mono_ms;         /* until when to send what is left; 0: not ending */
};

/* What happened (mqtt_events.c): callbacks of Paho, on its threads or on the sending one. They note it and kick the thread. */
void mqtt_phase_set(struct mqtt_link *link, enum phase phase);   /* under the lock */
void mqtt_went_down(struct mqtt_link *link, const char *why);
void mqtt_connection_lost(void *link, char *cause);
void mqtt_broker_disconnected(void *link, MQTTProperties *properties, enum MQTTReasonCodes reason);
void mqtt_connect_succeeded(void *link, MQTTAsync_successData5 *data);
void mqtt_connect_failed(void *link, MQTTAsync_failureData5 *data);
int mqtt_tls_failed(const char *text, size_t length, void *link);
void mqtt_subscribe_succeeded(void *link, MQTTAsync_successData5 *data);
void mqtt_subscribe_failed(void *link, MQTTAsync_failureData5 *data);

/* The thread "mqtt-tx" (mqtt_thread.c), and how it sends (mqtt_send.c). */
void *mqtt_thread_run(void *link);
enum outbox_sent mqtt_send(void *link, const struct outbox_message *message, uint64_t ticket);
/* Publishes the status; `said` (may be NULL) is called when the broker has it. */
bool mqtt_send_status(struct mqtt_link *link, bool online, MQTTAsync_onSuccess5 *said);
