/* Where in a JSON text something stands that a JSON pointer (RFC 6901) names. */
#pragma once

#include <stddef.h>

/* The offset of the member's name or the item; of what encloses it when it is not there. 0 for a text that is no JSON object. */
size_t json_place(const char *bytes, size_t length, const char *pointer);
