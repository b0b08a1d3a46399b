/* See chaos.h. */
#include "tests/flow/chaos.h"

#include <stdio.h>
#include <string.h>

static bool made[UPGRADE_STATE_COUNT][UPGRADE_EVENT_COUNT]; /* rows of the table that were seen in some history */

void chaos_note_moves(const struct memory_store *store)
{
    unsigned count;
    const struct fsm_move *moves = fsm_moves(&count);
    for (size_t i = 0; i < store->event_count; i++)
        for (unsigned k = 0; k < count; k++)
            if (!strcmp(store->events[i].event.from, upgrade_state_name(moves[k].from)) &&
                !strcmp(store->events[i].event.on, upgrade_event_name(moves[k].on)))
                made[moves[k].from][moves[k].on] = true;
}

/* Of the rows that leave an entry in a history, this many per cent must have been made. */
#define ROWS_MADE_PCT 80

bool chaos_was_it(void)
{
    unsigned count, all = 0, seen = 0;
    const struct fsm_move *moves = fsm_moves(&count);
    for (unsigned i = 0; i < count; i++) {
        bool silent = moves[i].on == EVENT_PROGRESS || moves[i].on == EVENT_POSTPONE;
        all += !silent;
        seen += !silent && made[moves[i].from][moves[i].on];
        if (!silent && !made[moves[i].from][moves[i].on])
            printf("never made: %s on %s\n", upgrade_state_name(moves[i].from), upgrade_event_name(moves[i].on));
    }
    printf("%u of %u rows made\n", seen, all);
    return seen * 100 >= all * ROWS_MADE_PCT;
}
