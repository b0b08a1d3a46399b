/* Text of others on the operator's terminal: what could move the cursor, change colours or turn the reading direction
 * is written as an escape like \x1b instead of raw. */
#pragma once

#include "common/buffer.h"

/* Appends the text made safe: control characters, bad UTF-8 and bidirectional marks escaped; no line feeds survive. */
void safe_text_add(struct buffer *out, const char *text, size_t length);
/* Columns that a safe text takes on a terminal. */
unsigned safe_text_width(const char *text, size_t length);
/* Bytes of the longest beginning of a safe text that takes at most `columns`. */
size_t safe_text_cut(const char *text, size_t length, unsigned columns);
