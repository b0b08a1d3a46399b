/* The error budget of a rollout: when too many of its settled devices ended badly, it is paused. Pure.
 *
 * What an operator resumed is not paused again for the same devices: from a resume on only what settled since counts.
 * The counts at the resume are kept in memory; a droverd that starts while a resumed rollout runs begins counting there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "orchestrator/core/rollout.h"

#define BUDGET_SETTLED_MIN 10     /* below this many settled devices a share says nothing */
#define BUDGETS_MAX 256

struct budget {
    char rollout[ID_SIZE];
    int64_t revision;             /* of the rollout when it was last looked at */
    int64_t settled_before;       /* do not count */
    int64_t spent_before;
};

struct budget_book {
    struct budget budgets[BUDGETS_MAX];
    unsigned count;
};

/* Devices that ended (lost ones too: silence is failure), and those of them that spend the budget. */
int64_t budget_settled(const struct rollout *rollout);
int64_t budget_spent(const struct rollout *rollout);

/* Notes the rollouts as they are now (running and paused ones): finds resumed ones, forgets those that ended. */
void budget_observe(struct budget_book *book, const struct rollout *rollouts, size_t count);
/* True when a running rollout has to be paused; why (64 bytes at least) says it: "error budget spent: 6 of 40 ended badly, over 10 %". */
bool budget_is_over(const struct budget_book *book, const struct rollout *rollout, char *ret_why, size_t size);
