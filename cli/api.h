/* A call of the operator API: repeats what may be repeated, reads the JSON, turns problem+json into words and an exit code. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/exit_code.h"
#include "cli/http_client.h"
#include "common/buffer.h"

struct cJSON;

struct api {
    struct http_client *client;        /* owned */
    int64_t deadline_mono_ms;          /* of the whole command; 0: none */
    void (*away)(void *arg, const char *why);  /* told once when the server stays away */
    void *away_arg;
    bool told;
};

struct api_call {
    const char *method;
    const char *path;
    const void *body;                  /* NULL: none */
    size_t length;
    const char *content_type;          /* NULL: JSON */
    bool repeatable;                   /* doing it twice is the same as once; a call that is neither this nor GET carries an idempotency key, which makes it so */
    const char *if_match;              /* an ETag with its quotes; NULL: none */
    unsigned attempts;                 /* 0: as many as is usual */
    int64_t hold_ms;                   /* how long the server may hold a long poll */
    int64_t patience_ms;               /* go on trying for this long when the server is away, whatever the attempts */
    bool upload;                       /* may take long as long as bytes move */
    void (*sent)(void *arg, int64_t bytes);
    void *sent_arg;
};

struct api_answer {
    enum cli_exit code;
    int status;                        /* 0: there was no answer */
    int64_t retry_after_ms;            /* what the server asked for, 0: nothing */
    struct cJSON *json;                /* of a success, and of a refusal when it had one; may be NULL then */
    struct buffer text;                /* of a failure: "409 Conflict: ... (where)"; untrusted, to be made safe */
};

/* Returns answer->code; the answer is freed with api_answer_done on every path. */
enum cli_exit api_call(struct api *api, const struct api_call *call, struct api_answer *answer);
/* One GET whose answer has no end; `received` as in http_client.h. It is cut when nothing comes for stall_ms. Returns answer->code; CLI_OK: one side
 * had enough. *ret_broken: the connection could not be made or broke off, so that the caller may go on from where he was. */
enum cli_exit api_stream(struct api *api, const char *path, int64_t stall_ms, bool (*received)(void *arg, const char *bytes, size_t length), void *arg,
                         struct api_answer *answer, bool *ret_broken);
void api_answer_done(struct api_answer *answer);

/* Time left of the whole command; INT64_MAX when there is no limit, 0 when it is over. */
int64_t api_left_ms(const struct api *api);
/* Sleeps, but not beyond the command's deadline; false when that has passed. */
bool api_sleep(const struct api *api, int64_t ms);
