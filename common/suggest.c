/* Optimal string alignment distance with three rows, enough for words that people type. */
#include "common/suggest.h"

#include <stdint.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(const char *left, const char *right)
{
    size_t m = strlen(left), n = strlen(right);
    size_t rows[3][SUGGEST_MAX + 1];

    if (m > SUGGEST_MAX || n > SUGGEST_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (left[i - 1] != right[j - 1]));
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

void suggest_begin(struct suggestion *suggestion, const char *wanted)
{
    size_t near = strlen(wanted) / 3;

    *suggestion = (struct suggestion){.wanted = wanted, .distance = (near ? near : 1) + 1};
}

void suggest_offer(struct suggestion *suggestion, const char *word)
{
    size_t distance = suggest_distance(suggestion->wanted, word);

    if (distance < suggestion->distance) {
        suggestion->best = word;
        suggestion->distance = distance;
    }
}
