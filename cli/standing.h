/* Where a rollout stands: one look at it through the API, and what that means for those who follow it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/exit_code.h"
#include "common/buffer.h"

struct cJSON;
struct cli;

enum standing_kind {
    STANDING_GOES_ON,      /* also: waits for its time or an approval */
    STANDING_PAUSED,
    STANDING_PASSED,       /* every stage is */
    STANDING_GOES_BACK,
    STANDING_BACK,
    STANDING_BROKEN_OFF,   /* cancelled or superseded */
};

struct standing {
    struct cJSON *rollout;   /* owned */
    struct cJSON *why;       /* owned; NULL: the rollout has no stages */
    enum standing_kind kind;
    int64_t stage;           /* the current one, from 1; 0: it has none */
    int64_t at_mono_ms;      /* of the look */
};

/* Asks the server, and goes on asking for patience_ms when it is away. A failure has been reported. Freed with standing_done on every path. */
enum cli_exit standing_read(struct cli *cli, const char *rollout_id, int64_t patience_ms, struct standing *ret);
/* Of objects that are there already; takes both. */
void standing_take(struct cJSON *rollout, struct cJSON *why, struct standing *ret);
void standing_done(struct standing *standing);

/* Had their turn, or seem to have, without the new version. */
int64_t standing_left_behind(const struct standing *standing);
/* Devices of which the states object says that they are through: as counted where it is, in a rollout or one of its stages. */
int64_t standing_ended(const struct cJSON *counts);
/* Nothing more happens by itself: it has ended, or every stage is passed and nobody is under way, or, without stages, everybody had a turn. */
bool standing_is_over(const struct standing *standing);
/* The object of a stage in the rollout; NULL when there is none. */
const struct cJSON *standing_stage(const struct standing *standing, int64_t stage);
/* Appends one line that changes only when something happened, made safe: "running, stage 2 of 4 (one percent): 12 of 40 settled, 1 failed; downloading 12". */
void standing_summarize(const struct standing *standing, struct buffer *out);
