/* A channel of export.h: POST of a JSON batch to one URL over HTTPS, signed. docs/events.md says what a receiver gets and how it checks it. */
#pragma once

#include "common/error.h"
#include "orchestrator/edges/export.h"

struct webhook_config {
    const char *url;               /* https://...; http:// only to this machine. All copied */
    const char *secret;            /* of the signature; "": not signed. Wiped at the end */
    const char *ca_file;           /* authorities of the receiver's certificate; "": the system's */
    const char *instance;
    int64_t timeout_ms;            /* of one try */
    size_t batch_max;
};

MUST_USE enum drover_error webhook_new(const struct webhook_config *config, struct export_channel *ret_channel, struct problem *ret_problem);

/* "v1=" and HMAC-SHA256 in hex over timestamp, '.', body. ret: WEBHOOK_SIGNATURE_SIZE. False: OpenSSL failed. */
#define WEBHOOK_SIGNATURE_SIZE 68
MUST_USE bool webhook_sign(const char *secret, const char *timestamp, const char *body, size_t length, char *ret);
