/* YAML as JSON, for files that people write: one document of mappings with text keys, sequences and scalars. Plain scalars are null, true, false and numbers where JSON
 * spells them so, everything else is text ("22:00", "on", 0x10). Refused: anchors and aliases (a small file could become a huge one), tags, further documents. */
#pragma once

#include <stddef.h>

#include "common/buffer.h"
#include "common/error.h"

/* Where a byte of the JSON came from; both count from 1. */
struct yaml_place {
    size_t offset;
    unsigned line, column;
};
struct yaml_places {
    struct yaml_place *items;   /* by rising offset; owned */
    size_t count, room;
};

/* Appends the JSON. DROVER_SYNTAX with where "line 3, column 7"; DROVER_TOO_LONG: the buffer's limit; DROVER_MEMORY. ret_places is freed on every path. */
MUST_USE enum drover_error yaml_to_json(const char *bytes, size_t length, struct buffer *json, struct yaml_places *ret_places, struct problem *ret_problem);
/* The last place at or before the offset; line 1, column 1 when there is none. */
struct yaml_place yaml_place_find(const struct yaml_places *places, size_t offset);
void yaml_places_done(struct yaml_places *places);
