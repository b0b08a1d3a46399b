/* Splitting a line into words, and "name=value" among them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WORDS_MAX 24
struct words {
    char *word[WORDS_MAX];
    unsigned count;
};
void words_split(char *text, struct words *ret);
/* The word at `index`, "" when there are not so many. */
const char *words_at(const struct words *words, unsigned index);
bool words_have(const struct words *words, const char *word);
/* The value of name=value, or fallback. */
const char *words_text(const struct words *words, const char *name, const char *fallback);
int64_t words_number(const struct words *words, const char *name, int64_t fallback);
