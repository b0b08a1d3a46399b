/* What the engine said of each rollout last, so that it is written, logged and tried again no more often than it is of use. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orchestrator/core/engine.h"

#define SAID_MAX 256
#define SAID_EVERY_MS 5000      /* words that change by themselves (times left) are written so often, */
#define SAID_ANYWAY_MS 60000    /* the same words again so often: at_ms says that somebody still looks */
#define SAID_AGAIN_MS 30000     /* a move that was refused is tried again */

struct said {
    char rollout[ID_SIZE];
    int64_t written_ms;         /* 0: never */
    uint64_t words, verdicts;   /* hashes of all that was written, and of stage and verdicts alone */
    int64_t refused_ms;         /* when a move of it was refused last; 0: not since it moved */
};
struct said_book {
    struct said said[SAID_MAX];
    unsigned count;
};

/* Forgets rollouts that are not among these, and makes room for those that are. */
void said_observe(struct said_book *book, const struct rollout *rollouts, size_t count);
/* Shall it be written (again)? Then it is noted as written now. A rollout without room in the book: always. */
bool said_is_news(struct said_book *book, const char *rollout_id, const struct engine_move *move, int64_t now_ms);
/* A move was refused, or made; and may the next one be tried? */
void said_refused(struct said_book *book, const char *rollout_id, int64_t now_ms);
void said_moved(struct said_book *book, const char *rollout_id);
bool said_may_try(const struct said_book *book, const char *rollout_id, int64_t now_ms);
