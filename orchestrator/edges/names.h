/* Texts, each kept once and numbered 0, 1, 2, ... in the order in which they came. Out of memory ends the program (must_alloc.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names {
    char **texts;         /* owned, each; count of them */
    uint32_t count;
    uint32_t *slots;      /* 1 + number of the text, 0: free; open addressing */
    uint32_t slot_count;  /* a power of two, or 0 */
};
#define NAMES_NONE UINT32_MAX

void names_done(struct names *names);                              /* a zeroed one is empty and fine */
uint32_t names_add(struct names *names, const char *text);         /* its number, whether it was there or not */
uint32_t names_find(const struct names *names, const char *text);  /* NAMES_NONE: not there */
