/* Counts, no clock and no I/O; the chore that pauses is in chores_fleet.c. */
#include "orchestrator/edges/chores_budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct budget *budget_find(const struct budget_book *book, const char *rollout_id)
{
    for (unsigned i = 0; i < book->count; i++)
        if (strcmp(book->budgets[i].rollout, rollout_id) == 0)
            return &book->budgets[i];
    return NULL;
}

/* Revision 1 is a rollout nobody has touched; a running one with a higher revision has been resumed. */
static struct budget budget_now(const struct budget *before, const struct rollout *rollout)
{
    struct budget budget = {.revision = rollout->revision};
    bool resumed = rollout->state == ROLLOUT_RUNNING && rollout->revision > 1 && (!before || before->revision != rollout->revision);

    memcpy(budget.rollout, rollout->id, sizeof budget.rollout);
    if (resumed) {
        budget.settled_before = rollout_counts_settled(&rollout->counts);
        budget.spent_before = rollout_counts_failed(&rollout->counts);
    } else if (before) {
        budget.settled_before = before->settled_before;
        budget.spent_before = before->spent_before;
    }
    return budget;
}

void budget_observe(struct budget_book *book, const struct rollout *rollouts, size_t count)
{
    struct budget_book next = {.count = 0};

    for (size_t i = 0; i < count && next.count < BUDGETS_MAX; i++)
        if (rollout_state_is_open(rollouts[i].state))
            next.budgets[next.count++] = budget_now(budget_find(book, rollouts[i].id), &rollouts[i]);
    *book = next;
}

bool budget_is_over(const struct budget_book *book, const struct rollout *rollout, char *ret_why, size_t size)
{
    const struct budget *budget = budget_find(book, rollout->id);
    int64_t settled = rollout_counts_settled(&rollout->counts) - (budget ? budget->settled_before : 0);
    int64_t spent = rollout_counts_failed(&rollout->counts) - (budget ? budget->spent_before : 0);

    if (rollout->state != ROLLOUT_RUNNING || rollout->error_budget_pct >= 100 || settled < BUDGET_SETTLED_MIN)
        return false;
    if (spent * 100 <= settled * rollout->error_budget_pct)
        return false;
    (void)snprintf(ret_why, size, "error budget spent: %" PRId64 " of %" PRId64 " ended badly, over %" PRId64 " %%", spent,
                   settled, rollout->error_budget_pct);
    return true;
}
