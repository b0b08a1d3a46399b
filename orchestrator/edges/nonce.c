/* See nonce.h. */
#include "orchestrator/edges/nonce.h"

#include <hiredis/hiredis.h>

#include "orchestrator/edges/keys.h"
#include "orchestrator/edges/must_alloc.h"
#include "orchestrator/edges/redis_scripts.h"

enum { SEEN_BEFORE = 0, TAKEN = 1, TOO_MANY = 2 };   /* what the script returns */

struct nonce_call {
    nonce_taken *done;
    void *arg;
};

static void nonce_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct nonce_call call = *(struct nonce_call *)arg;
    (void)text;
    free(arg);
    if (error == DROVER_OK && reply->type != REDIS_REPLY_INTEGER)
        error = DROVER_STORE;
    else if (error == DROVER_OK && reply->integer != TAKEN)
        error = reply->integer == TOO_MANY ? DROVER_FULL : DROVER_REFUSED;
    call.done(call.arg, error);
}

void nonce_take(struct redis_link *link, const struct nonce_claim *claim, nonce_taken *done, void *arg)
{
    struct nonce_call *call = must_calloc(1, sizeof *call);
    struct redis_args args;
    *call = (struct nonce_call){done, arg};
    redis_args_init(&args);
    redis_script_begin(&args, SCRIPT_NONCE_TAKE, 2);
    redis_args_add_text(&args, KEY_PREFIX);
    redis_args_add_text(&args, KEY_PREFIX_PRIVATE);
    redis_args_add_text(&args, claim->name);
    redis_args_add_i64(&args, claim->keep_ms);
    redis_args_add_text(&args, claim->holder);
    redis_args_add_i64(&args, claim->window_ms);
    redis_args_add_i64(&args, claim->most);
    redis_script_call(link, SCRIPT_NONCE_TAKE, &args, nonce_replied, call, 0);
    redis_args_done(&args);
}
