/* Stepping stones: the releases that a device must run on its way to a plan's version. One upgrade takes it there leg by leg: to the next stone, and from the last
 * one to the target. A leg is an upgrade's `via` (the stone it leads to), or "" when it leads to the target. Pure, but for the counting of references. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/semver.h"
#include "orchestrator/core/release.h"

struct heartbeat;
struct policy;
struct rollout;
struct upgrade;

/* The releases of a plan's stepping_stones, in their order, as last read. A value that is shared by counting references (one loop, no atomics). */
struct stones {
    unsigned references;
    unsigned count;
    struct release releases[];        /* model "": there is no such release */
};
struct stones *stones_new(unsigned count);               /* all of them missing; NULL: out of memory */
struct stones *stones_hold(struct stones *stones);       /* NULL is fine */
void stones_drop(struct stones *stones);                 /* NULL is fine */

/* The stone that whoever runs `version` goes to next; "": the target. Lives as long as the rollout's plan. */
const char *stones_next(const struct rollout *rollout, const char *version);
/* Which of the plan's stones this is, from 1; 0: none. */
unsigned stones_number(const struct rollout *rollout, const char *stone);
unsigned stones_count(const struct rollout *rollout);
/* Its release as last read; NULL: there is none, or the plan has no such stone. */
const struct release *stones_release(const struct rollout *rollout, const char *stone);
/* What it runs when it leaves the last stone on its way for the target: `version` itself when there is none on its way. */
const char *stones_last(const struct rollout *rollout, const char *version);
/* NULL: every stone on its way may be given to it, one after the other. Otherwise what is against one, and *ret_stone. */
const char *stones_refusal(const struct policy *policy, const struct rollout *rollout, const struct heartbeat *heartbeat, int64_t now_ms, const char **ret_stone);

/* --- the leg that an upgrade is on --- */

/* The release that it is told; NULL: its stone has none, or is no stone of the plan any more. */
const struct release *stones_leg_release(const struct rollout *rollout, const struct upgrade *upgrade);
/* Why nobody can be told of that release now; NULL: it may be. */
const char *stones_leg_refusal(const struct policy *policy, const struct rollout *rollout, const struct upgrade *upgrade, int64_t now_ms);
/* Bytes of the largest package that the rollout gives to anybody. */
int64_t stones_largest_bytes(const struct rollout *rollout);
