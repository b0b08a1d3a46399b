/* Seals: one table of their fields, from which they are read, written and hashed. */
#include "proto/seal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *const sealed_line_names[2 * SEALED_LOGS + 1] = {"id", "seal", "audit", "audit_seal", NULL};

enum kind { NUMBER, ID, DIGEST, NAME };

#define AT(member) offsetof(struct seal, member), sizeof(((struct seal *)0)->member)
static const struct row {
    const char *name;
    enum kind kind;
    size_t offset, size;
    int64_t min;
} rows[] = {
    {"n", NUMBER, AT(n), 1},
    {"first", ID, AT(first), 0},
    {"last", ID, AT(last), 0},
    {"count", NUMBER, AT(count), 1},
    {"position", NUMBER, AT(position), 1},
    {"missed", NUMBER, AT(missed), 0},
    {"keep", NUMBER, AT(keep), 0},
    {"entries", DIGEST, AT(entries), 0},
    {"prev", DIGEST, AT(prev), 0},
    {"at_ms", NUMBER, AT(at_ms), 0},
    {"instance", NAME, AT(instance), 0},
    {"sha256", DIGEST, AT(sha256), 0},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static bool value_fits(const struct row *row, const struct entry_text *value)
{
    struct stream_id id;
    int64_t number;

    switch (row->kind) {
    case NUMBER:
        return text_to_i64(value->bytes, value->length, row->min, INT64_MAX, &number);
    case ID:
        return stream_id_read(value->bytes, value->length, &id);
    case DIGEST:
        return text_is_hex(value->bytes, value->length, SHA256_HEX_SIZE - 1);
    case NAME:
        break;
    }
    return text_is_id(value->bytes, value->length);
}

static void value_take(const struct row *row, const struct entry_text *value, struct seal *seal)
{
    void *at = (char *)seal + row->offset;

    if (row->kind == NUMBER)
        (void)text_to_i64(value->bytes, value->length, row->min, INT64_MAX, at);
    else
        (void)text_copy_n(at, row->size, value->bytes, value->length);
}

enum drover_error seal_read(const struct stream_entry *entry, struct seal *ret_seal, struct problem *ret_problem)
{
    struct seal seal = {.n = 0};

    if (entry->count != ROW_COUNT || !text_copy_n(seal.id, sizeof seal.id, entry->id.bytes, entry->id.length))
        return problem_set(ret_problem, DROVER_SYNTAX, "seal", "has %u fields, not %zu", entry->count, ROW_COUNT);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!entry_text_is(&entry->fields[i].name, rows[i].name))
            return problem_set(ret_problem, DROVER_SYNTAX, rows[i].name, "is not the seal's field %zu", i + 1);
        if (!value_fits(&rows[i], &entry->fields[i].value))
            return problem_set(ret_problem, DROVER_SYNTAX, rows[i].name, "is no such value");
        value_take(&rows[i], &entry->fields[i].value, &seal);
    }
    *ret_seal = seal;
    return DROVER_OK;
}

void seal_write(const struct seal *seal, struct seal_numbers *numbers, struct stream_entry *ret_entry)
{
    unsigned written = 0;

    ret_entry->id = entry_text(seal->id);
    ret_entry->count = ROW_COUNT;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const void *at = (const char *)seal + rows[i].offset;
        const char *value = at;

        if (rows[i].kind == NUMBER) {
            (void)snprintf(numbers->text[written], sizeof numbers->text[written], "%" PRId64, *(const int64_t *)at);
            value = numbers->text[written++];
        }
        ret_entry->fields[i] = (struct entry_field){entry_text(rows[i].name), entry_text(value)};
    }
}

enum drover_error seal_digest(const struct seal *seal, char ret_sha256[SHA256_HEX_SIZE])
{
    struct seal_numbers numbers;
    struct stream_entry entry;
    struct buffer canonical;
    unsigned char digest[SHA256_BYTES];
    bool hashed;

    seal_write(seal, &numbers, &entry);
    entry.id = entry_text("seal");
    entry.count--;
    buffer_init(&canonical, 0);
    entry_canonical(&entry, &canonical);
    hashed = !canonical.failed && sha256_of(canonical.bytes, canonical.length, digest);
    buffer_done(&canonical);
    if (!hashed)
        return DROVER_MEMORY;
    text_hex(ret_sha256, digest, sizeof digest);
    return DROVER_OK;
}
