/* A plan from JSON: each object by its table, every mistake noted with its place and the reading gone on with. The text is checked as a
 * whole first, so that an object inside can only be wrong in what it says. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/suggest.h"
#include "proto/plan_table.h"

static void object_read(struct plan_reading *reading, const struct plan_object *table, struct json_flat *flat, void *object);

/* --- places and problems --- */

/* A name in a pointer: '~' as "~0", '/' as "~1" (RFC 6901). What does not fit is cut. */
static void path_add(char path[static 128], const char *name)
{
    size_t length = strlen(path);
    for (; *name && length + 3 < 128; name++) {
        if (*name == '~' || *name == '/') {
            path[length++] = '~';
            path[length++] = *name == '~' ? '0' : '1';
        } else {
            path[length++] = *name;
        }
    }
    path[length] = '\0';
}

static void path_step(char path[static 128], const char *name)
{
    size_t length = strlen(path);
    if (length + 2 < 128) {
        path[length] = '/';
        path[length + 1] = '\0';
    }
    path_add(path, name);
}

size_t plan_path_enter(struct plan_reading *reading, const char *name, size_t index)
{
    char number[24];
    size_t length = strlen(reading->path);
    snprintf(number, sizeof number, "%zu", index);
    path_step(reading->path, name ? name : number);
    return length;
}

void plan_path_leave(struct plan_reading *reading, size_t length)
{
    reading->path[length] = '\0';
}

void plan_problem(struct plan_reading *reading, const char *member, const char *format, ...)
{
    struct plan_problems *problems = reading->problems;
    char what[256];
    va_list arguments;
    if (problems->count++ >= PLAN_PROBLEMS_MAX)
        return;
    struct plan_problem *problem = &problems->items[problems->count - 1];
    memcpy(problem->where, reading->path, sizeof problem->where);
    if (member)
        path_step(problem->where, member);
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)text_excerpt(problem->what, sizeof problem->what, what, strlen(what));
}

bool plan_is_sound(const struct plan_reading *reading, const char *member)
{
    const struct plan_problems *problems = reading->problems;
    char path[sizeof reading->path];
    memcpy(path, reading->path, sizeof path);
    if (member)
        path_step(path, member);
    for (unsigned i = 0; i < problems->count && i < PLAN_PROBLEMS_MAX; i++) {
        const char *where = problems->items[i].where;
        size_t length = strlen(path);
        if (strncmp(where, path, length) == 0 && (where[length] == '\0' || where[length] == '/'))
            return false;
    }
    return problems->count <= PLAN_PROBLEMS_MAX;
}

/* --- objects --- */

/* Each value takes at least two bytes, its comma or bracket included. */
static struct json_limits limits_for(size_t length)
{
    return (struct json_limits){.bytes = PLAN_BYTES_MAX, .depth = 8, .members = (unsigned)(length < PLAN_BYTES_MAX ? length : PLAN_BYTES_MAX) / 2 + 2, .string_bytes = PLAN_BYTES_MAX};
}

static bool document_read(struct plan_reading *reading, const char *bytes, size_t length, struct json_flat *ret_flat)
{
    const struct json_limits limits = limits_for(length);
    struct problem problem;
    enum drover_error error = json_document_read(bytes, length, &limits, ret_flat, &problem);
    if (error == DROVER_MEMORY)
        reading->out_of_memory = true;
    else if (error)
        plan_problem(reading, NULL, "%s: %s", problem.where, problem.what);
    return error == DROVER_OK;
}

static void inner_read(struct plan_reading *reading, const struct plan_object *table, const struct json_member *value, void *object)
{
    struct json_flat flat;
    if (value->kind != JSON_OBJECT)
        plan_problem(reading, NULL, "must be an object");
    else if (document_read(reading, value->value.bytes, value->value.length, &flat))
        object_read(reading, table, &flat, object);
}

static void list_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *object)
{
    struct problem problem;
    struct json_array array;
    struct json_member item;
    unsigned count = 0;
    if (json_array_begin(value, member->name, &array, &problem)) {
        plan_problem(reading, NULL, "%s", problem.what);
        return;
    }
    for (; json_array_next(&array, &item); count++) {
        if (count >= member->most)
            continue;
        size_t here = plan_path_enter(reading, NULL, count);
        inner_read(reading, member->object, &item, (char *)object + member->offset + count * member->size);
        plan_path_leave(reading, here);
    }
    if (count > member->most)
        plan_problem(reading, NULL, "%u items; at most %u", count, member->most);
    if ((int64_t)count < member->min)
        plan_problem(reading, NULL, "is empty; leave it out");
    count = count < member->most ? count : member->most;
    memcpy((char *)object + member->count_offset, &count, sizeof count); /* what was read is freed by it */
}

/* --- members --- */

static void default_set(struct plan_reading *reading, const struct plan_member *member, void *at)
{
    struct json_flat nothing;
    int number = (int)member->fallback;
    switch (member->kind) {
    case PLAN_INTEGER:
    case PLAN_SCALED:
        if (member->fallback) /* the gate's three limits share a place */
            memcpy(at, &member->fallback, sizeof member->fallback);
        break;
    case PLAN_BOOL:
        *(bool *)at = member->fallback;
        break;
    case PLAN_CHOICE:
    case PLAN_DAYS:
        memcpy(at, &number, sizeof number);
        break;
    case PLAN_TEXT:
        (void)text_copy(at, member->size, member->text ? member->text : "");
        break;
    case PLAN_OBJECT:
        nothing.count = nothing.next = 0;
        object_read(reading, member->object, &nothing, at);
        break;
    default:
        break;
    }
}

static void member_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *object)
{
    void *at = (char *)object + member->offset;
    size_t here = plan_path_enter(reading, member->name, 0);
    if (!value) {
        default_set(reading, member, at);
        if (member->required)
            plan_problem(reading, NULL, "is required");
    } else if (member->kind == PLAN_OBJECT) {
        inner_read(reading, member->object, value, at);
    } else if (member->kind == PLAN_LIST) {
        list_read(reading, member, value, object);
    } else if (!plan_value_read(reading, member, value, at)) {
        default_set(reading, member, at);
    }
    plan_path_leave(reading, here);
}

static const struct plan_member *member_find(const struct plan_object *table, const char *name)
{
    for (unsigned i = 0; i < table->count; i++)
        if (strcmp(table->members[i].name, name) == 0)
            return &table->members[i];
    return NULL;
}

static void refuse_unknown(struct plan_reading *reading, const struct plan_object *table, const char *name)
{
    struct suggestion suggestion;
    suggest_begin(&suggestion, name);
    for (unsigned i = 0; i < table->count; i++)
        suggest_offer(&suggestion, table->members[i].name);
    if (suggestion.best)
        plan_problem(reading, name, "is not known here; did you mean %s?", suggestion.best);
    else
        plan_problem(reading, name, "is not known here");
}

/* A null could mean "none" or "the default"; leaving it out means one thing. */
static void members_check(struct plan_reading *reading, const struct plan_object *table, const struct json_flat *flat)
{
    for (unsigned i = 0; i < flat->count; i++) {
        char name[48];
        const struct json_span *span = &flat->members[i].name;
        const struct plan_member *member = member_find(table, text_excerpt(name, sizeof name, span->bytes, span->length));
        if (!member)
            refuse_unknown(reading, table, name);
        else if (flat->members[i].kind == JSON_NULL && !member->required)
            plan_problem(reading, name, "is null; leave it out");
    }
}

static void object_read(struct plan_reading *reading, const struct plan_object *table, struct json_flat *flat, void *object)
{
    members_check(reading, table, flat);
    for (unsigned i = 0; i < table->count; i++) {
        const struct plan_member *member = &table->members[i];
        const struct json_member *value = json_flat_find(flat, member->name);
        if (plan_member_applies(member, object))
            member_read(reading, member, value, object);
        else if (value && plan_is_sound(reading, "measure"))
            plan_problem(reading, member->name, "does not go with this measure");
    }
    if (table->check)
        table->check(reading, object);
}

/* --- the whole --- */

enum drover_error plan_read(const char *bytes, size_t length, struct plan **ret_plan, struct plan_problems *ret_problems)
{
    struct plan_reading reading = {.problems = ret_problems};
    struct plan_draft *draft = calloc(1, sizeof *draft);
    struct json_flat flat;
    *ret_plan = NULL;
    *ret_problems = (struct plan_problems){0};
    if (!draft)
        return DROVER_MEMORY;
    draft->plan.references = 1;
    if (document_read(&reading, bytes, length, &flat))
        object_read(&reading, &plan_object, &flat, draft);
    if (reading.out_of_memory || ret_problems->count > 0) {
        plan_drop(&draft->plan);
        return reading.out_of_memory ? DROVER_MEMORY : DROVER_SYNTAX;
    }
    *ret_plan = &draft->plan;
    return DROVER_OK;
}
