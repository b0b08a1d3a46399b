/* See depot_resume.h. */
#include "orchestrator/edges/depot_resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "orchestrator/edges/http_range.h"

/* The members are offset, sha256, chunk_bytes, the list and its items; a device may send some more. */
static const struct json_limits limits = {.bytes = 18 << 10, .depth = 4, .members = DEPOT_CHUNKS_MAX + 64, .string_bytes = 256};

/* --- the question --- */

static enum drover_error digest_read(const struct json_member *member, const char *name, uint8_t ret[SHA256_BYTES], struct problem *ret_problem)
{
    char text[SHA256_HEX_SIZE];
    enum drover_error error = json_member_text(member, name, text, sizeof text, ret_problem);
    if (error != DROVER_OK)
        return error;
    if (!text_is_hex(text, strlen(text), SHA256_HEX_SIZE - 1) || !text_unhex(ret, SHA256_BYTES, text))
        return problem_set(ret_problem, DROVER_SYNTAX, name, "not 64 lower-case hex digits");
    return DROVER_OK;
}

static enum drover_error pair_check(const struct json_member *one, const struct json_member *other, const char *missing, struct problem *ret_problem)
{
    if ((one == NULL) == (other == NULL))
        return DROVER_OK;
    return problem_set(ret_problem, DROVER_MISSING, missing, "one of them says nothing without the other");
}

static enum drover_error beginning_read(struct json_flat *flat, struct resume_question *question, struct problem *ret_problem)
{
    const struct json_member *offset = json_flat_find(flat, "offset"), *sha256 = json_flat_find(flat, "sha256");
    enum drover_error error = pair_check(offset, sha256, "offset, sha256", ret_problem);
    if (error != DROVER_OK || offset == NULL)
        return error;
    error = json_member_i64(offset, "offset", 0, question->size_bytes, &question->offset, ret_problem);
    if (error == DROVER_OK)
        error = digest_read(sha256, "sha256", question->beginning, ret_problem);
    question->has_beginning = error == DROVER_OK;
    return error;
}

static enum drover_error chunks_read(struct json_flat *flat, struct resume_question *question, struct problem *ret_problem)
{
    const struct json_member *bytes = json_flat_find(flat, "chunk_bytes"), *chunks = json_flat_find(flat, "chunks");
    struct json_array array;
    struct json_member item;
    int64_t chunk_bytes = 0;
    enum drover_error error = pair_check(bytes, chunks, "chunk_bytes, chunks", ret_problem);
    if (error != DROVER_OK || bytes == NULL)
        return error;
    error = json_member_i64(bytes, "chunk_bytes", 1, INT64_MAX >> 10, &chunk_bytes, ret_problem);
    if (error == DROVER_OK && chunk_bytes != depot_chunk_bytes(question->size_bytes))
        return problem_set(ret_problem, DROVER_CONFLICT, "chunk_bytes", "this package is cut into chunks of %" PRId64 " bytes", depot_chunk_bytes(question->size_bytes));
    if (error == DROVER_OK)
        error = json_array_begin(chunks, "chunks", &array, ret_problem);
    while (error == DROVER_OK && json_array_next(&array, &item)) {
        unsigned place = question->chunk_count++;
        if (place == depot_chunk_count(question->size_bytes))
            return problem_set(ret_problem, DROVER_RANGE, "chunks", "the package has only %u", place);
        if (item.kind != JSON_NULL)
            error = digest_read(&item, "chunks", question->chunks[place], ret_problem);
        question->has_chunk[place] = item.kind != JSON_NULL && error == DROVER_OK;
    }
    return error;
}

enum drover_error resume_question_read(const char *bytes, size_t length, int64_t size_bytes, struct resume_question *ret_question,
                                       struct problem *ret_problem)
{
    struct json_flat flat;
    *ret_question = (struct resume_question){.size_bytes = size_bytes};
    enum drover_error error = json_document_read(bytes, length, &limits, &flat, ret_problem);
    if (error == DROVER_OK)
        error = beginning_read(&flat, ret_question, ret_problem);
    return error == DROVER_OK ? chunks_read(&flat, ret_question, ret_problem) : error;
}

/* --- the answer --- */

/* What is missing, as ranges in their order. The last place takes all that is left, from its first missing byte to its last. */
struct missing {
    unsigned count;
    struct http_range list[HTTP_RANGES_MAX];
};

static void missing_add(struct missing *missing, int64_t start, int64_t end)
{
    struct http_range *last = missing->count > 0 ? &missing->list[missing->count - 1] : NULL;
    if (last != NULL && (last->start + last->length == start || missing->count == HTTP_RANGES_MAX))
        last->length = end - last->start;
    else
        missing->list[missing->count++] = (struct http_range){start, end - start};
}

static void range_put(struct json_writer *writer, const struct missing *missing)
{
    char text[HTTP_RANGES_MAX * 42 + 8] = "bytes=";
    size_t used = strlen(text);
    for (unsigned i = 0; i < missing->count; i++) {
        const struct http_range *range = &missing->list[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64 "-%" PRId64, i > 0 ? "," : "", range->start, range->start + range->length - 1);
    }
    json_put_text(writer, "range", missing->count > 0 ? text : NULL);
}

void resume_answer_write(int64_t size_bytes, const struct resume_verdict *verdict, struct buffer *ret_answer)
{
    int64_t chunk_bytes = depot_chunk_bytes(size_bytes);
    struct missing missing = {0};
    struct json_writer writer;
    json_begin(&writer, ret_answer);
    json_put_i64(&writer, "size", size_bytes);
    json_put_i64(&writer, "chunk_bytes", chunk_bytes);
    json_open_array(&writer, "skip");
    for (unsigned i = 0; i < depot_chunk_count(size_bytes); i++) {
        int64_t start = i * chunk_bytes, end = start + chunk_bytes < size_bytes ? start + chunk_bytes : size_bytes;
        if (verdict->right[i] || verdict->right_bytes >= end)
            json_put_i64(&writer, NULL, i);
        else
            missing_add(&missing, verdict->right_bytes > start ? verdict->right_bytes : start, end);
    }
    json_close_array(&writer);
    json_put_i64(&writer, "offset", missing.count > 0 ? missing.list[0].start : size_bytes);
    json_put_bool(&writer, "complete", missing.count == 0);
    range_put(&writer, &missing);
    json_end(&writer);
}
