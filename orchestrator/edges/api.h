/* The loop's side of HTTP: answers every call that the HTTP threads do not serve themselves.
 * Hand api_call and the api to http_server_start as config.call and config.arg.
 * The api decides nothing: it asks the flow and the store and writes down what they say. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/json.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/edges/http_server.h"

struct api;
struct event_base;
struct flow;
struct proofs;
struct store;
struct worker_pool;

struct api_config {
    struct flow *flow;             /* borrowed, as the store and the base */
    struct store *store;
    struct event_base *base;
    const char *instance;          /* copied */
    struct proofs *proofs;         /* borrowed */
    struct worker_pool *workers;   /* borrowed */
    const char *data_dir;          /* borrowed */
    const int64_t *proposal_ms;    /* borrowed; how long an order waits for another person's approval; may change at any time, as the next two */
    const int64_t *approvals_min;  /* borrowed; every plan must ask for so many; 0: none need to, and rollouts without a plan may begin */
    const int64_t *delta_from;     /* borrowed; deltas are derived from this many older releases; may change at any time */
    /* What only main knows; all called on the loop, with arg. */
    bool (*ready)(void *arg, struct buffer *missing);        /* /readyz; false: appends what is missing, "redis", "mqtt and redis", ... */
    void (*metrics)(void *arg, struct buffer *text);         /* /metrics: appends Prometheus text, http_server_metrics included */
    void (*status)(void *arg, struct json_writer *writer);   /* /api/v1/status: adds "mqtt":{..}, "redis":{..}, "lag_ms", ... */
    void (*changed)(void *arg, const char *rollout_id);      /* a rollout was opened or changed state: read them again now */
    int (*later)(void *arg);                                 /* the depot has no room: when whoever asks for a download shall come again, s */
    void (*released)(void *arg);                             /* a release was added: its deltas can be derived */
    void *arg;
};

struct api *api_new(const struct api_config *config);        /* NULL: out of memory */
/* droverd is about to end: answers the long polls that wait, and lets no new one wait. */
void api_drain(struct api *api);
/* Ends the long polls. Calls that the store still holds are answered by its callbacks: free the store after the api is idle or
 * gone for good, before http_server_free. */
void api_free(struct api *api);

void api_call(void *api, struct http_call *call);
/* Main tells what it last read (as for flow_set_rollouts), so that "nothing was opened for a while" is known of each rollout. */
void api_note_rollouts(struct api *api, const struct rollout *rollouts, size_t count);
