/* Tests of a document's reader as a table: one text that is right, and what becomes of it when one piece of it is another. */
#pragma once

#include "../common/check.h"

#include "common/buffer.h"
#include "proto/error_code.h"

struct document_row {
    const char *from, *to;      /* the first `from` in the right text becomes `to` */
    const char *where;          /* NULL: still taken; otherwise E_INCOMPATIBLE there */
};

#define H32 "0123456789abcdef0123456789abcdef"
#define DIGEST H32 H32

/* The changed text, ended; its bytes are in a block of exactly its length. */
static inline char *document_change(const char *right, const struct document_row *row, size_t *ret_length)
{
    const char *found = strstr(right, row->from);
    struct buffer text;
    char *exact;

    if (!found)
        fail_msg("row '%s' -> '%s': not in the text", row->from, row->to);
    buffer_init(&text, 0);
    buffer_add(&text, right, (size_t)(found - right));
    buffer_add_text(&text, row->to);
    buffer_add_text(&text, found + strlen(row->from));
    exact = malloc(text.length);
    assert_non_null(exact);
    memcpy(exact, text.bytes, text.length);
    *ret_length = text.length;
    buffer_done(&text);
    return exact;
}

static inline void document_row_check(const struct document_row *row, enum error_code code, const struct problem *problem)
{
    if ((code == E_NONE) != (row->where == NULL) || (row->where && code != E_INCOMPATIBLE))
        fail_msg("row '%s' -> '%s': %s (%s: %s)", row->from, row->to, code ? error_code_name(code) : "taken", code ? problem->where : "", code ? problem->what : "");
    if (row->where && strcmp(row->where, problem->where) != 0)
        fail_msg("row '%s' -> '%s': at '%s' (%s), not '%s'", row->from, row->to, problem->where, problem->what, row->where);
}
