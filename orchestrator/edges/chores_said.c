/* A small book, looked through from the front. */
#include "orchestrator/edges/chores_said.h"

#include <string.h>

#include "common/hash.h"

static struct said *find(const struct said_book *book, const char *rollout_id)
{
    for (unsigned i = 0; i < book->count; i++)
        if (strcmp(book->said[i].rollout, rollout_id) == 0)
            return (struct said *)&book->said[i];
    return NULL;
}

static bool is_looked_at(const struct rollout *rollout)
{
    return rollout->plan && !rollout_state_is_ended(rollout->state);
}

void said_observe(struct said_book *book, const struct rollout *rollouts, size_t count)
{
    struct said_book next = {.count = 0};

    for (size_t i = 0; i < count && next.count < SAID_MAX; i++) {
        const struct said *had = find(book, rollouts[i].id);

        if (!is_looked_at(&rollouts[i]))
            continue;
        if (had)
            next.said[next.count] = *had;
        memcpy(next.said[next.count++].rollout, rollouts[i].id, ID_SIZE);
    }
    *book = next;
}

static uint64_t verdicts_of(const struct engine_move *move)
{
    uint64_t hash = hash_mix((uint64_t)move->stage);

    for (unsigned i = 0; i < move->gate_count; i++)
        hash = hash_mix(hash ^ (uint64_t)(2 * move->gates[i].state + move->gates[i].doubt));
    return hash;
}

static uint64_t words_of(const struct engine_move *move)
{
    uint64_t hash = hash_text(move->why, hash_mix((uint64_t)move->next_ms));

    for (unsigned i = 0; i < move->gate_count; i++)
        hash = hash_text(move->gates[i].text, hash);
    return hash;
}

bool said_is_news(struct said_book *book, const char *rollout_id, const struct engine_move *move, int64_t now_ms)
{
    struct said *said = find(book, rollout_id);
    uint64_t verdicts = verdicts_of(move), words = words_of(move);

    if (!said)
        return true;
    int64_t wait_ms = verdicts != said->verdicts ? 0 : words != said->words ? SAID_EVERY_MS : SAID_ANYWAY_MS;
    if (said->written_ms && now_ms >= said->written_ms && now_ms - said->written_ms < wait_ms)
        return false;
    said->written_ms = now_ms;
    said->verdicts = verdicts;
    said->words = words;
    return true;
}

void said_refused(struct said_book *book, const char *rollout_id, int64_t now_ms)
{
    struct said *said = find(book, rollout_id);

    if (said)
        said->refused_ms = now_ms;
}

void said_moved(struct said_book *book, const char *rollout_id)
{
    said_refused(book, rollout_id, 0);
}

bool said_may_try(const struct said_book *book, const char *rollout_id, int64_t now_ms)
{
    const struct said *said = find(book, rollout_id);

    return !said || !said->refused_ms || now_ms < said->refused_ms || now_ms - said->refused_ms >= SAID_AGAIN_MS;
}
