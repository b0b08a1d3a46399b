/* A table of slots that doubles when it is half full; the texts stay where they are. */
#include "orchestrator/edges/names.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "orchestrator/edges/must_alloc.h"

#define SLOTS_MIN 64u

/* Where the text is, or the free slot where it belongs. */
static uint32_t slot_of(const struct names *names, const char *text)
{
    uint32_t mask = names->slot_count - 1, at = (uint32_t)hash_text(text, 0) & mask;

    while (names->slots[at] && strcmp(names->texts[names->slots[at] - 1], text) != 0)
        at = (at + 1) & mask;
    return at;
}

static void grow(struct names *names)
{
    uint32_t slot_count = names->slot_count ? names->slot_count * 2 : SLOTS_MIN;
    char **texts = realloc(names->texts, slot_count / 2 * sizeof *texts);

    if (!texts)
        abort();
    names->texts = texts;
    free(names->slots);
    names->slots = must_calloc(slot_count, sizeof *names->slots);
    names->slot_count = slot_count;
    for (uint32_t i = 0; i < names->count; i++)
        names->slots[slot_of(names, texts[i])] = i + 1;
}

void names_done(struct names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        free(names->texts[i]);
    free(names->texts);
    free(names->slots);
    *names = (struct names){.count = 0};
}

uint32_t names_find(const struct names *names, const char *text)
{
    return names->slot_count ? names->slots[slot_of(names, text)] - 1 : NAMES_NONE;
}

uint32_t names_add(struct names *names, const char *text)
{
    uint32_t at;

    if (names->count == names->slot_count / 2)
        grow(names);
    at = slot_of(names, text);
    if (!names->slots[at]) {
        names->texts[names->count] = must_copy(text, strlen(text) + 1);
        names->slots[at] = ++names->count;
    }
    return names->slots[at] - 1;
}
