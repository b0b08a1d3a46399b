/* Splitting a line of a story into words. */
#include "tests/flow/story_words.h"

#include <stdlib.h>
#include <string.h>

void words_split(char *text, struct words *ret)
{
    char *rest = text, *word;
    *ret = (struct words){.count = 0};
    while (ret->count < WORDS_MAX && (word = strsep(&rest, " \t\n")))
        if (*word)
            ret->word[ret->count++] = word;
}

const char *words_at(const struct words *words, unsigned index)
{
    return index < words->count ? words->word[index] : "";
}

bool words_have(const struct words *words, const char *word)
{
    for (unsigned i = 0; i < words->count; i++)
        if (!strcmp(words->word[i], word))
            return true;
    return false;
}

const char *words_text(const struct words *words, const char *name, const char *fallback)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < words->count; i++)
        if (!strncmp(words->word[i], name, length) && words->word[i][length] == '=')
            return words->word[i] + length + 1;
    return fallback;
}

int64_t words_number(const struct words *words, const char *name, int64_t fallback)
{
    const char *text = words_text(words, name, NULL);
    return text ? strtoll(text, NULL, 10) : fallback;
}
