/* Tasks and answers as tables of their members. */
#include "orchestrator/edges/worker_task.h"

#include <stddef.h>
#include <string.h>

#include "common/json.h"

_Static_assert(RELEASE_HW_REVS_SIZE <= PLAN_PERMIT_SIZE, "the longest text");

enum member_kind { MEMBER_TEXT, MEMBER_I64, MEMBER_BOOL, MEMBER_JOB, MEMBER_CODE };

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset, size;
};
#define MEMBER(type, kind, member) {#member, MEMBER_##kind, offsetof(struct type, member), sizeof(((struct type *)0)->member)}
#define TASK(kind, member) MEMBER(worker_task, kind, member)
#define ANSWER(kind, member) MEMBER(worker_answer, kind, member)

static const struct member task_members[] = {
    TASK(JOB, job), TASK(I64, parent_pid), TASK(I64, now_ms), TASK(I64, memory_bytes), TASK(TEXT, data_dir), TASK(TEXT, sha256),
    TASK(TEXT, base_sha256), TASK(TEXT, folder), TASK(TEXT, delta_key), TASK(I64, image_bytes_max), TASK(I64, min_saving_pct),
    TASK(TEXT, rollout), TASK(TEXT, model), TASK(TEXT, version), TASK(TEXT, permit), TASK(TEXT, permit_key), TASK(TEXT, permit_id), TASK(TEXT, to_version),
    TASK(I64, expires_ms),
};
static const struct member answer_members[] = {
    ANSWER(CODE, code), ANSWER(TEXT, where), ANSWER(TEXT, what), ANSWER(TEXT, model), ANSWER(TEXT, version), ANSWER(TEXT, manifest_sha256),
    ANSWER(I64, release_counter), ANSWER(TEXT, min_version), ANSWER(TEXT, hw_revs), ANSWER(I64, expires_ms), ANSWER(BOOL, encrypted),
    ANSWER(BOOL, delta), ANSWER(TEXT, base_version), ANSWER(I64, size_bytes), ANSWER(BOOL, kept), ANSWER(BOOL, skipped), ANSWER(TEXT, sha256),
    ANSWER(I64, full_bytes), ANSWER(TEXT, permit),
};
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const struct json_limits limits = {.bytes = WORKER_TEXT_MAX, .depth = 1, .members = JSON_FLAT_MEMBERS, .string_bytes = PLAN_PERMIT_SIZE};

static const char *const job_names[WORKER_JOB_COUNT] = {
    [WORKER_PERMIT_CHECK] = "permit_check", [WORKER_PERMIT_MAKE] = "permit_make", [WORKER_VERIFY] = "verify", [WORKER_DERIVE] = "derive"};

const char *worker_job_name(enum worker_job job)
{
    return job_names[job];
}

static bool job_read(const char *name, enum worker_job *ret)
{
    for (int i = 0; i < WORKER_JOB_COUNT; i++)
        if (strcmp(job_names[i], name) == 0)
            return *ret = (enum worker_job)i, true;
    return false;
}

/* Empty texts, zeros and false are left out. */
static void member_write(const struct member *member, const char *value, struct json_writer *writer)
{
    int64_t number;

    switch (member->kind) {
    case MEMBER_TEXT:
        json_put_text(writer, member->name, value[0] ? value : NULL);
        break;
    case MEMBER_I64:
        memcpy(&number, value, sizeof number);
        if (number)
            json_put_i64(writer, member->name, number);
        break;
    case MEMBER_BOOL:
        if (*(const bool *)(const void *)value)
            json_put_bool(writer, member->name, true);
        break;
    case MEMBER_JOB:
        json_put_text(writer, member->name, job_names[*(const enum worker_job *)(const void *)value]);
        break;
    case MEMBER_CODE:
        json_put_text(writer, member->name, error_code_name(*(const enum error_code *)(const void *)value));
        break;
    }
}

static enum drover_error member_read(const struct member *member, const struct json_member *found, char *value, struct problem *ret_problem)
{
    char name[32] = "";
    enum drover_error error = DROVER_OK;

    switch (member->kind) {
    case MEMBER_TEXT:
        return json_member_text(found, member->name, value, member->size, ret_problem);
    case MEMBER_I64:
        return json_member_i64(found, member->name, 0, (int64_t)1 << 53, (int64_t *)(void *)value, ret_problem);
    case MEMBER_BOOL:
        return json_member_bool(found, member->name, (bool *)(void *)value, ret_problem);
    case MEMBER_JOB:
        error = json_member_text(found, member->name, name, sizeof name, ret_problem);
        return error || job_read(name, (enum worker_job *)(void *)value) ? error : problem_set(ret_problem, DROVER_UNKNOWN, member->name, "no such job");
    case MEMBER_CODE:
        error = json_member_text(found, member->name, name, sizeof name, ret_problem);
        return error || error_code_read(name, (enum error_code *)(void *)value) ? error : problem_set(ret_problem, DROVER_UNKNOWN, member->name, "no such code");
    }
    return DROVER_SYNTAX;
}

static void object_write(const struct member *members, size_t count, const void *object, struct buffer *buffer)
{
    struct json_writer writer;

    json_begin(&writer, buffer);
    for (size_t i = 0; i < count; i++)
        member_write(&members[i], (const char *)object + members[i].offset, &writer);
    json_end(&writer);
}

static enum drover_error object_read(const struct member *members, size_t count, const char *bytes, size_t length, void *ret, struct problem *ret_problem)
{
    struct json_flat flat;
    enum drover_error error = json_flat_read(bytes, length, &limits, &flat, ret_problem);

    for (size_t i = 0; i < count && !error; i++) {
        const struct json_member *found = json_flat_find(&flat, members[i].name);

        if (found)
            error = member_read(&members[i], found, (char *)ret + members[i].offset, ret_problem);
    }
    return error;
}

void worker_task_write(const struct worker_task *task, struct buffer *buffer)
{
    object_write(task_members, COUNT(task_members), task, buffer);
}

enum drover_error worker_task_read(const char *bytes, size_t length, struct worker_task *ret, struct problem *ret_problem)
{
    memset(ret, 0, sizeof *ret);
    return object_read(task_members, COUNT(task_members), bytes, length, ret, ret_problem);
}

void worker_answer_write(const struct worker_answer *answer, struct buffer *buffer)
{
    object_write(answer_members, COUNT(answer_members), answer, buffer);
}

enum drover_error worker_answer_read(const char *bytes, size_t length, struct worker_answer *ret, struct problem *ret_problem)
{
    memset(ret, 0, sizeof *ret);
    return object_read(answer_members, COUNT(answer_members), bytes, length, ret, ret_problem);
}
