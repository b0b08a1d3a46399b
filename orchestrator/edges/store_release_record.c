/* A release as a hash: what its struct says member by member, what its hardware revisions and deltas say in fields of their own. */
#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "common/text.h"
#include "orchestrator/edges/store_records.h"

#define VALUE_BYTES_MAX 64   /* a longer value would make five times of the hash */

#define RELEASE(kind, name, member) RECORD_NAMED(struct release, kind, name, member)
static const struct record_field release_fields[] = {
    {RELEASE(TEXT, "model", model)},
    {RELEASE(TEXT, "version", version)},
    {RELEASE(TEXT, "sha256", sha256)},
    {RELEASE(I64, "size", size_bytes)},
    {RELEASE(I64, "created_ms", created_ms)},
    {RELEASE(TEXT, "manifest_sha256", manifest_sha256)},
    {RELEASE(I64, "release_counter", release_counter)},
    {RELEASE(TEXT, "min_version", min_version)},
    {RELEASE(I64, "expires_ms", expires_ms)},
    {RELEASE(BOOL, "encrypted", encrypted)},
    {RELEASE(I64, "trust_version", trust_version)},
    {RELEASE(TEXT, "trust_sha256", trust_sha256)},
    {RELEASE(TEXT, "refused", refused)},
};
static const struct record_table release_record = RECORD_TABLE(release_fields);

/* --- fields of a delta: delta:<base>, delta_size:<base>, delta_state:<base>, delta_why:<base> --- */

/* NULL: no room; so many are never written. */
static struct release_delta *delta_of(struct release *release, const char *base_version)
{
    struct release_delta *delta = (struct release_delta *)release_delta(release, base_version);
    if (delta || release->delta_count == RELEASE_DELTAS_MAX)
        return delta;
    delta = &release->deltas[release->delta_count];
    if (!text_copy(delta->base_version, sizeof delta->base_version, base_version))
        return NULL;
    release->delta_count++;
    return delta;
}

static bool delta_sha256_take(struct release_delta *delta, const struct redisReply *value)
{
    return text_copy_n(delta->sha256, sizeof delta->sha256, value->str, value->len);
}

static bool delta_size_take(struct release_delta *delta, const struct redisReply *value)
{
    return text_to_i64(value->str, value->len, 0, INT64_MAX, &delta->size_bytes);
}

static bool delta_state_take(struct release_delta *delta, const struct redisReply *value)
{
    return release_delta_state_read(value->str, &delta->state);
}

static bool delta_why_take(struct release_delta *delta, const struct redisReply *value)
{
    return text_copy_n(delta->why, sizeof delta->why, value->str, value->len);
}

static const struct {
    const char *prefix;
    bool (*take)(struct release_delta *delta, const struct redisReply *value);
} delta_fields[] = {
    {"delta:", delta_sha256_take},
    {"delta_size:", delta_size_take},
    {"delta_state:", delta_state_take},
    {"delta_why:", delta_why_take},
};

/* True when the field is none of a delta's, or was taken. */
static bool delta_field_take(struct release *release, const struct redisReply *name, const struct redisReply *value)
{
    for (size_t i = 0; i < sizeof delta_fields / sizeof delta_fields[0]; i++) {
        size_t length = strlen(delta_fields[i].prefix);
        if (strncmp(name->str, delta_fields[i].prefix, length) != 0)
            continue;
        struct release_delta *delta = delta_of(release, name->str + length);
        return delta && delta_fields[i].take(delta, value);
    }
    return true;
}

/* --- hw_revs, hw_revs:2, hw_revs:3, ...: parts of one list, in any order --- */

static bool hw_revs_take(struct release *release, const struct redisReply *name, const struct redisReply *value)
{
    size_t length = strlen(release->hw_revs);
    if (strncmp(name->str, "hw_revs", 7) != 0 || (name->str[7] != '\0' && name->str[7] != ':'))
        return true;
    if (length > 0 && length + 1 < sizeof release->hw_revs)
        release->hw_revs[length++] = ',';
    return text_copy_n(release->hw_revs + length, sizeof release->hw_revs - length, value->str, value->len);
}

/* As much of the list as fits into one value, cut at a comma; at least one. */
static size_t hw_revs_part(const char *list)
{
    size_t part = strcspn(list, ",");
    while (list[part] == ',') {
        size_t next = part + 1 + strcspn(list + part + 1, ",");
        if (next > VALUE_BYTES_MAX)
            break;
        part = next;
    }
    return part;
}

static void hw_revs_add(const char *list, struct redis_args *args)
{
    char name[16] = "hw_revs";
    for (unsigned number = 2; *list; number++) {
        size_t part = hw_revs_part(list);
        redis_args_add_text(args, name);
        redis_args_add(args, list, part);
        list += part + (list[part] == ',');
        (void)snprintf(name, sizeof name, "hw_revs:%u", number);
    }
}

/* --- the whole --- */

size_t release_read(const struct redisReply *fields, struct release *ret)
{
    struct release release = {0};
    record_clear(&release_record, &release);
    size_t bad = record_read(&release_record, fields, &release);
    if (bad == SIZE_MAX)
        return bad;
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        bad += !delta_field_take(&release, fields->element[i], fields->element[i + 1]) +
               !hw_revs_take(&release, fields->element[i], fields->element[i + 1]);
    *ret = release;
    return bad;
}

static void delta_text_add(struct redis_args *args, const char *prefix, const struct release_delta *delta, const char *value)
{
    char name[VERSION_SIZE + 16];
    if (!value[0])
        return;
    (void)snprintf(name, sizeof name, "%s%s", prefix, delta->base_version);
    redis_args_add_text(args, name);
    redis_args_add_text(args, value);
}

void release_add_fields(const struct release *release, struct redis_args *args)
{
    record_add(&release_record, release, args);
    hw_revs_add(release->hw_revs, args);
    for (unsigned i = 0; i < release->delta_count; i++) {
        const struct release_delta *delta = &release->deltas[i];
        char size[24];
        (void)snprintf(size, sizeof size, "%lld", (long long)delta->size_bytes);
        delta_text_add(args, "delta:", delta, delta->sha256);
        delta_text_add(args, "delta_size:", delta, delta->sha256[0] ? size : "");
        delta_text_add(args, "delta_state:", delta, delta->state == RELEASE_DELTA_GIVEN ? "" : release_delta_state_name(delta->state));
        delta_text_add(args, "delta_why:", delta, delta->why);
    }
}
