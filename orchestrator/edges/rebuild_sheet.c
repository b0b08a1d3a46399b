/* See rebuild_sheet.h. A sheet has some dozens of fields and is looked through from the front; tallies are found by a table, for there may be many. */
#include "orchestrator/edges/rebuild_sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/edges/must_alloc.h"
#include "orchestrator/edges/rebuild_inside.h"

#define TALLY_KEY_SIZE 512

/* --- sheets --- */

void sheet_done(struct sheet *sheet)
{
    for (unsigned i = 0; i < sheet->count; i++)
        free(sheet->fields[i].value);
    free(sheet->fields);
    *sheet = (struct sheet){.count = 0};
}

static struct sheet_field *find(const struct sheet *sheet, uint32_t name)
{
    for (unsigned i = 0; i < sheet->count; i++)
        if (sheet->fields[i].name == name)
            return &sheet->fields[i];
    return NULL;
}

static struct sheet_field *field_add(struct sheet *sheet, uint32_t name)
{
    if (sheet->count == sheet->room) {
        sheet->room = sheet->room ? 2 * sheet->room : 16;
        sheet->fields = realloc(sheet->fields, sheet->room * sizeof *sheet->fields);
        if (!sheet->fields)
            abort();
    }
    sheet->fields[sheet->count] = (struct sheet_field){.name = name};
    return &sheet->fields[sheet->count++];
}

void sheet_set(struct sheet *sheet, struct names *names, const char *name, const char *value)
{
    uint32_t number = names_add(names, name);
    struct sheet_field *field = find(sheet, number);

    if (!field)
        field = field_add(sheet, number);
    free(field->value);
    field->value = must_copy(value, strlen(value) + 1);
}

void sheet_set_number(struct sheet *sheet, struct names *names, const char *name, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    sheet_set(sheet, names, name, text);
}

void sheet_unset(struct sheet *sheet, const struct names *names, const char *name)
{
    struct sheet_field *field = find(sheet, names_find(names, name));

    if (!field)
        return;
    free(field->value);
    *field = sheet->fields[--sheet->count];
}

const char *sheet_get(const struct sheet *sheet, const struct names *names, const char *name)
{
    const struct sheet_field *field = find(sheet, names_find(names, name));

    return field ? field->value : NULL;
}

/* --- tallies --- */

void tallies_done(struct tallies *tallies)
{
    names_done(&tallies->keys);
    free(tallies->rows);
    *tallies = (struct tallies){.rows = NULL};
}

void tally_add(struct tallies *tallies, struct names *names, uint32_t *head, const char *hash, const char *field, int by)
{
    char key[TALLY_KEY_SIZE];
    uint32_t before = tallies->keys.count, at;

    (void)snprintf(key, sizeof key, "%s %s", hash, field);
    at = names_add(&tallies->keys, key);
    tallies->rows = rebuild_reserve(tallies->rows, &tallies->size, at, sizeof *tallies->rows);
    if (at == before) {
        tallies->rows[at] = (struct tally){.name = names_add(names, field), .next = *head};
        *head = at + 1;
    }
    tallies->rows[at].count += by;
}
