/* Looking at a rollout again and again: what `rollout watch` and `rollout wait` share. */
#pragma once

#include "cli/doorbell.h"
#include "cli/failures.h"
#include "cli/progress.h"
#include "cli/rates.h"
#include "cli/standing.h"

struct follow {
    struct cli *cli;
    const char *rollout_id;
    struct standing standing;      /* the newest */
    struct rates rates;
    struct failures failures;
    struct progress_block block;
    struct buffer summary, gates;  /* the line of the newest look, and what its gates are */
    bool news;                     /* either differs from the look before */
    struct doorbell bell;
    int64_t hold_ms;               /* the judge's: what it waits for rings, so that the next look may be put off for so long; 0: it does not */
    enum cli_exit code;            /* of the end, 0 before */
};

/* What the follower makes of a look: true ends the following, with follow->code. */
typedef bool follow_judge(struct follow *follow);

/* Looks, shows what changed (a block that is drawn over on a terminal, else a line, on standard error) and asks judge, until that ends it,
 * a look fails or --timeout is over, which is reported. Freed with follow_done on every path. */
enum cli_exit follow_run(struct follow *follow, struct cli *cli, const char *rollout_id, follow_judge *judge);
void follow_done(struct follow *follow);
