/* Calls of embedded scripts: by SHA-1, with the script loaded again when Redis has forgotten it. */
#include "orchestrator/edges/redis_scripts.h"

#include <string.h>

#include <openssl/evp.h>

#include "common/text.h"
#include "orchestrator/edges/must_alloc.h"

#define TRIES_MAX 3   /* a script may be flushed again between the load and the call, but not for ever */

struct script_call {
    struct redis_link *link;
    enum redis_script script;
    unsigned tries;
    redis_replied *replied;
    void *arg;
    int64_t deadline_ms;
    size_t length;
    char bytes[];             /* of the command, to send it again */
};

static void script_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

const char *redis_script_name(enum redis_script script)
{
    return redis_script_texts[script].name;
}

const char *redis_script_source(enum redis_script script, size_t *ret_length)
{
    *ret_length = strlen(redis_script_texts[script].text);
    return redis_script_texts[script].text;
}

const char *redis_script_sha1(enum redis_script script)
{
    static char sha1[REDIS_SCRIPT_COUNT][SHA1_HEX_SIZE];
    if (!sha1[script][0]) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        size_t length;
        const char *source = redis_script_source(script, &length);
        if (EVP_Digest(source, length, digest, NULL, EVP_sha1(), NULL) != 1)
            abort();   /* libcrypto without SHA-1: no script could ever be called */
        text_hex(sha1[script], digest, (SHA1_HEX_SIZE - 1) / 2);
    }
    return sha1[script];
}

void redis_script_begin(struct redis_args *args, enum redis_script script, unsigned key_count)
{
    redis_args_clear(args);
    redis_args_add(args, "EVALSHA", 7);
    redis_args_add(args, redis_script_sha1(script), SHA1_HEX_SIZE - 1);
    redis_args_add_i64(args, key_count);
}

void redis_script_call(struct redis_link *link, enum redis_script script, struct redis_args *args,
                       redis_replied *replied, void *arg, int64_t deadline_ms)
{
    size_t length = 0;
    const char *bytes = redis_args_finish(args, &length);
    struct script_call *call = must_alloc(sizeof *call + length);
    *call = (struct script_call){.link = link, .script = script, .tries = 1, .replied = replied, .arg = arg, .deadline_ms = deadline_ms, .length = length};
    if (bytes)
        memcpy(call->bytes, bytes, length);
    redis_link_send(link, call->bytes, call->length, script_replied, call, deadline_ms);
}

static void script_loaded(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    (void)arg, (void)error, (void)reply, (void)text;   /* the call that follows it tells whether it worked */
}

static void script_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct script_call *call = arg;
    if (error == DROVER_STORE && strncmp(text, "NOSCRIPT", 8) == 0 && call->tries < TRIES_MAX) {
        size_t length;
        const char *source = redis_script_source(call->script, &length);
        const char *argv[] = {"SCRIPT", "LOAD", source};
        const size_t lengths[] = {6, 4, length};
        redis_link_call(call->link, 3, argv, lengths, script_loaded, NULL, call->deadline_ms);
        call->tries++;
        redis_link_send(call->link, call->bytes, call->length, script_replied, call, call->deadline_ms);
        return;
    }
    if (call->replied)
        call->replied(call->arg, error, reply, text);
    free(call);
}
