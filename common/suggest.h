/* "Did you mean ...?": the nearest known word to one that is unknown. */
#pragma once

#include <stddef.h>

/* Edits (insert, drop, replace, swap of neighbours) between two words, each at most SUGGEST_MAX long; more: SIZE_MAX. */
#define SUGGEST_MAX 32
size_t suggest_distance(const char *left, const char *right);

/* Keeps the nearest of the words offered to it; near means at most a third of the word's letters, and at least one. */
struct suggestion {
    const char *wanted;
    const char *best;   /* NULL: nothing near yet */
    size_t distance;
};
void suggest_begin(struct suggestion *suggestion, const char *wanted);
void suggest_offer(struct suggestion *suggestion, const char *word);
