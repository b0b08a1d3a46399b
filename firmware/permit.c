/* Permits: a small signed document that lets one device or one rollout go back to one version, for a time. */
#include "firmware/permit.h"

#include <cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "firmware/jws.h"
#include "firmware/trust_count.h"

#define PERMIT_KIND "drover-permit"
#define SCHEMA 1
#define TIME_MAX ((int64_t)1 << 53)

static const struct json_limits limits = {8192, 4, 64, 512};

static enum drover_error check_id(const char *name, const char *id, bool required, struct problem *ret_problem)
{
    if (id[0] == '\0' && !required)
        return DROVER_OK;
    if (id[0] == '\0')
        return problem_set(ret_problem, DROVER_MISSING, name, "is required");
    return text_is_id(id, strlen(id)) ? DROVER_OK : problem_set(ret_problem, DROVER_SYNTAX, name, "not an id");
}

/* In place: a version loses its leading v. */
static enum drover_error check_version(const char *name, char *version, bool required, struct problem *ret_problem)
{
    char text[VERSION_SIZE];

    if (version[0] == '\0')
        return required ? problem_set(ret_problem, DROVER_MISSING, name, "is required") : DROVER_OK;
    memcpy(text, version, sizeof text);
    if (semver_read(text, strlen(text), version, NULL))
        return problem_set(ret_problem, DROVER_SYNTAX, name, "not a version");
    return DROVER_OK;
}

/* The rules, for what is read and for what is made. */
static enum drover_error check(struct permit *permit, struct problem *ret_problem)
{
    enum drover_error error = check_id("id", permit->id, true, ret_problem);

    if (!error)
        error = check_id("model", permit->model, true, ret_problem);
    if (!error)
        error = check_id("device_id", permit->device_id, false, ret_problem);
    if (!error)
        error = check_id("rollout", permit->rollout, false, ret_problem);
    if (!error)
        error = check_version("to_version", permit->to_version, true, ret_problem);
    if (!error)
        error = check_version("from_version", permit->from_version, false, ret_problem);
    if (error)
        return error;
    if (permit->device_id[0] == '\0' && permit->rollout[0] == '\0')
        return problem_set(ret_problem, DROVER_MISSING, "device_id", "or rollout must be given: a permit is for one of them");
    if (permit->not_before_ms < 1 || permit->not_before_ms > TIME_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "not_before", "must be a time");
    if (permit->expires_ms <= permit->not_before_ms || permit->expires_ms > TIME_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "expires_at", "must be behind not_before");
    return DROVER_OK;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void write(const struct permit *permit, struct buffer *json)
{
    struct json_writer writer;

    json_begin(&writer, json);
    json_put_text(&writer, "kind", PERMIT_KIND);
    json_put_i64(&writer, "schema", SCHEMA);
    json_put_text(&writer, "id", permit->id);
    json_put_text(&writer, "model", permit->model);
    json_put_text(&writer, "to_version", permit->to_version);
    json_put_text(&writer, "from_version", or_null(permit->from_version));
    json_put_text(&writer, "device_id", or_null(permit->device_id));
    json_put_text(&writer, "rollout", or_null(permit->rollout));
    json_put_i64(&writer, "not_before", permit->not_before_ms);
    json_put_i64(&writer, "expires_at", permit->expires_ms);
    json_end(&writer);
}

enum drover_error permit_make(const struct permit *permit, const struct private_key *const *keys, unsigned count, struct buffer *jws, struct problem *ret_problem)
{
    struct permit checked = *permit;
    struct buffer json;
    enum drover_error error = check(&checked, ret_problem);

    if (error)
        return error;
    buffer_init(&json, 0);
    write(&checked, &json);
    error = json.failed ? problem_set(ret_problem, DROVER_MEMORY, "permit", "no memory for it")
                        : jws_make(PERMIT_TYP, json.bytes, json.length, keys, count, jws, ret_problem);
    buffer_done(&json);
    return error;
}

static enum drover_error take(const cJSON *object, struct permit *permit, struct problem *ret_problem)
{
    char kind[sizeof PERMIT_KIND + 8] = "";
    int64_t schema = 0;
    const struct {
        const char *name;
        char *text;
        size_t size;
        bool required;
    } texts[] = {{"id", permit->id, sizeof permit->id, true},
                 {"model", permit->model, sizeof permit->model, true},
                 {"to_version", permit->to_version, sizeof permit->to_version, true},
                 {"from_version", permit->from_version, sizeof permit->from_version, false},
                 {"device_id", permit->device_id, sizeof permit->device_id, false},
                 {"rollout", permit->rollout, sizeof permit->rollout, false}};
    enum drover_error error = json_get_text(object, "kind", true, kind, sizeof kind, ret_problem);

    if (!error && strcmp(kind, PERMIT_KIND) != 0)
        error = problem_set(ret_problem, DROVER_MISMATCH, "kind", "is not " PERMIT_KIND);
    if (!error)
        error = json_get_i64(object, "schema", true, SCHEMA, SCHEMA, &schema, ret_problem);
    for (size_t i = 0; !error && i < sizeof texts / sizeof texts[0]; i++)
        error = json_get_text(object, texts[i].name, texts[i].required, texts[i].text, texts[i].size, ret_problem);
    if (!error)
        error = json_get_i64(object, "not_before", true, 1, TIME_MAX, &permit->not_before_ms, ret_problem);
    if (!error)
        error = json_get_i64(object, "expires_at", true, 1, TIME_MAX, &permit->expires_ms, ret_problem);
    return error ? error : check(permit, ret_problem);
}

static enum drover_error read_payload(const struct buffer *payload, struct permit *ret_permit, struct problem *ret_problem)
{
    cJSON *object = NULL;
    enum drover_error error = json_parse(payload->length ? payload->bytes : "", payload->length, &limits, &object, ret_problem);

    if (!error)
        error = take(object, ret_permit, ret_problem);
    cJSON_Delete(object);
    return error;
}

static enum error_code check_times(const struct permit *permit, int64_t now_ms, struct problem *ret_problem)
{
    if (now_ms != 0 && now_ms < permit->not_before_ms)
        return package_refuse(ret_problem, E_EXPIRED, "permit", "%s is not valid before %" PRId64 " ms; it is %" PRId64, permit->id, permit->not_before_ms, now_ms);
    if (now_ms != 0 && now_ms >= permit->expires_ms)
        return package_refuse(ret_problem, E_EXPIRED, "permit", "%s has expired at %" PRId64 " ms; it is %" PRId64, permit->id, permit->expires_ms, now_ms);
    return E_NONE;
}

enum error_code permit_read(const char *bytes, size_t length, const struct trust *trust, int64_t now_ms, struct permit *ret_permit, struct problem *ret_problem)
{
    struct jws *jws = malloc(sizeof *jws);
    struct permit permit = {0};
    enum error_code code = E_INCOMPATIBLE;

    if (!jws)
        return package_refuse(ret_problem, E_INTERNAL, "permit", "no memory to read it");
    if (jws_read(bytes, length, PERMIT_TYP, jws, ret_problem) == DROVER_OK) {
        code = trust_count_jws(trust, TRUST_PERMIT, jws, now_ms, ret_problem);
        if (!code)
            code = read_payload(&jws->payload, &permit, ret_problem) ? E_INCOMPATIBLE : check_times(&permit, now_ms, ret_problem);
        jws_done(jws);
    }
    free(jws);
    if (!code)
        *ret_permit = permit;
    return code;
}

enum error_code permit_allows(const struct permit *permit, const struct permit_use *use, struct problem *ret_problem)
{
    const struct {
        const char *name, *permitted, *asked;
    } members[] = {{"model", permit->model, use->model},
                   {"to_version", permit->to_version, use->to_version},
                   {"from_version", permit->from_version, use->from_version},
                   {"device_id", permit->device_id, use->device_id},
                   {"rollout", permit->rollout, use->rollout}};

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *permitted = members[i].permitted, *asked = members[i].asked;

        if (permitted[0] == '\0')
            continue;
        if (!asked || strcmp(permitted, asked) != 0)
            return package_refuse(ret_problem, E_DOWNGRADE, members[i].name, "permit %.32s is for %.32s, not for %.32s", permit->id, permitted, asked ? asked : "nothing");
    }
    return E_NONE;
}
