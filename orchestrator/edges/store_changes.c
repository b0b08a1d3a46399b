/* Operators' changes: idempotency keys with the answers that are kept under them, and the audit. */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "orchestrator/edges/store_call.h"

#define CHANGE_BUSY_MS 60000                   /* a droverd that was killed in the middle blocks a key no longer */
#define CHANGE_KEEP_MS INT64_C(86400000)
#define CHANGE_HOLDER_BYTES (32 << 20)         /* kept for one holder in that time */
#define CHANGE_ANSWER_BYTES (64 << 10)         /* a larger answer is not kept whole */
#define AUDIT_ACTOR_BYTES (16 << 10)

static void begun(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);
static void entries_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

void store_add_actor(struct store *store, struct redis_args *args, const struct actor *actor)
{
    struct json_writer writer;
    struct buffer json;
    if (!actor) {
        redis_args_add_text(args, "");
        return;
    }
    buffer_init(&json, AUDIT_ACTOR_BYTES);
    json_begin(&writer, &json);
    json_put_text(&writer, "who", actor->who);
    json_put_text(&writer, "key", actor->key);
    json_put_text(&writer, "role", actor->role);
    json_put_text(&writer, "action", actor->action);
    json_put_text(&writer, "target", actor->target[0] ? actor->target : NULL);
    json_put_text(&writer, "request", actor->request);
    json_put_text(&writer, "before", actor->before);
    json_put_text(&writer, "after", actor->after);
    json_put_text(&writer, "said", actor->said);
    json_put_i64(&writer, "keep", store->audit_keep);
    json_end(&writer);
    redis_args_add(args, json.failed ? "" : json.bytes, json.failed ? 0 : json.length);
    buffer_done(&json);
}

/* --- a change begins and ends --- */

void store_change_begin(struct store *store, const struct change_key *key, store_change_begun *done, void *arg)
{
    struct redis_args *args = store_script_begin(store, SCRIPT_CHANGE_BEGIN);
    redis_args_add_text(args, key->name);
    redis_args_add_text(args, key->holder);
    redis_args_add_text(args, key->fingerprint);
    redis_args_add_i64(args, CHANGE_BUSY_MS);
    redis_args_add_i64(args, CHANGE_HOLDER_BYTES);
    redis_args_add_i64(args, CHANGE_KEEP_MS);
    store_script_send(store, SCRIPT_CHANGE_BEGIN, begun, store_call_new(store, (store_callback *)done, arg));
}

static bool answer_read(const struct redisReply *reply, struct change_answer *ret)
{
    int64_t status = 0;
    for (size_t i = 1; i < reply->elements; i++)
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return false;
    if (reply->elements != 5 || !text_to_i64(reply->element[1]->str, reply->element[1]->len, 100, 599, &status))
        return false;
    *ret = (struct change_answer){.status = (int)status, .content_type = reply->element[2]->str, .etag = reply->element[3]->str,
                                  .body = reply->element[4]->str, .length = reply->element[4]->len};
    return true;
}

static void begun(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    static const struct {
        const char *word;
        enum drover_error error;
    } rows[] = {{"NEW", DROVER_OK}, {"BUSY", DROVER_CONFLICT}, {"OTHER", DROVER_MISMATCH}, {"FULL", DROVER_FULL}};
    struct store_call *call = arg;
    struct change_answer answer = {0};
    bool known = false;
    (void)text;
    if (!error) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !known; i++)
            if ((known = redis_reply_is(reply, rows[i].word)))
                error = rows[i].error;
        if (!known)
            error = redis_reply_is(reply, "DONE") && answer_read(reply, &answer) ? DROVER_DUPLICATE : DROVER_STORE;
    }
    ((store_change_begun *)call->done)(call->arg, error, error == DROVER_DUPLICATE ? &answer : NULL);
    free(call);
}

void store_change_end(struct store *store, const struct change_end *end, store_written *done, void *arg)
{
    const struct change_answer *answer = &end->answer;
    struct redis_args *args = store_script_begin(store, SCRIPT_CHANGE_END);
    bool whole = answer->length <= CHANGE_ANSWER_BYTES;
    store_add_actor(store, args, end->actor);
    redis_args_add_i64(args, end->at_ms);
    redis_args_add_text(args, store->instance);
    redis_args_add_i64(args, answer->status);
    redis_args_add_text(args, end->why);
    redis_args_add_text(args, end->key ? end->key->name : "");
    redis_args_add_text(args, end->key ? end->key->holder : "");
    redis_args_add_i64(args, end->keep ? CHANGE_KEEP_MS : 0);
    redis_args_add_text(args, answer->content_type);
    redis_args_add_text(args, answer->etag);
    redis_args_add(args, whole ? answer->body : "", whole ? answer->length : 0);
    store_script_send(store, SCRIPT_CHANGE_END, store_written_replied, store_call_new(store, (store_callback *)done, arg));
}

/* --- the audit, read --- */

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
#define FIELD(name) {#name, offsetof(struct audit_entry, name)}
    FIELD(at_ms), FIELD(who), FIELD(role), FIELD(key), FIELD(action), FIELD(target), FIELD(before), FIELD(after),
    FIELD(outcome), FIELD(status), FIELD(why), FIELD(request), FIELD(instance),
#undef FIELD
};

void store_audit(struct store *store, const char *before, size_t limit, store_audit_listed *done, void *arg)
{
    struct redis_args *args = store_command_begin(store, "XREVRANGE");
    char end[STORE_CURSOR_SIZE + 1];
    snprintf(end, sizeof end, "%s%s", before[0] ? "(" : "+", before);
    redis_args_add_text(args, KEY_AUDIT);
    redis_args_add_text(args, end);
    redis_args_add_text(args, "-");
    redis_args_add_text(args, "COUNT");
    redis_args_add_i64(args, (int64_t)limit);
    store_command_send(store, entries_listed, store_call_new(store, (store_callback *)done, arg));
}

static void field_take(const struct redisReply *name, const struct redisReply *value, struct audit_entry *entry)
{
    if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING || strcmp(value->str, "-") == 0)
        return;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(name->str, fields[i].name) == 0)
            memcpy((char *)entry + fields[i].offset, &value->str, sizeof value->str);
}

static bool entry_read(const struct redisReply *reply, struct audit_entry *ret)
{
    *ret = (struct audit_entry){0};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    ret->id = reply->element[0]->str;
    for (size_t i = 0; i + 1 < reply->element[1]->elements; i += 2)
        field_take(reply->element[1]->element[i], reply->element[1]->element[i + 1], ret);
    return true;
}

static void entries_listed(void *arg, enum drover_error error, const struct redisReply *reply, const char *text)
{
    struct store_call *call = arg;
    size_t count = 0;
    (void)text;
    if (!error && reply->type != REDIS_REPLY_ARRAY)
        error = DROVER_STORE;
    struct audit_entry *entries = error ? NULL : must_calloc(reply->elements, sizeof *entries);
    for (size_t i = 0; !error && i < reply->elements; i++)
        count += store_record_ok(call->store, entry_read(reply->element[i], &entries[count]) ? 0 : SIZE_MAX);
    ((store_audit_listed *)call->done)(call->arg, error, entries, count);
    free(entries);
    free(call);
}
