/* What the event log alone says: every upgrade, every rollout with its plan, every release, and all counters, folded entry by entry. The rules are those of
 * redis-scripts/lib/settle.lua, written a second time on purpose: that both come to the same is what `droverd --rebuild-compare` shows. Pure but for memory
 * (about 300 bytes an upgrade). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/rollout.h"
#include "orchestrator/core/upgrade_fsm.h"
#include "proto/stream_entry.h"

#define KEY_SIZE (sizeof "drover:v1:release:" + ID_SIZE + VERSION_SIZE + 24)

struct rebuild;

struct rebuild *rebuild_new(void);   /* out of memory ends the program, here and below */
void rebuild_free(struct rebuild *rebuild);   /* NULL is fine */

/* The next entry, newer than all before. DROVER_SYNTAX: it cannot be one of Drover's; the problem says what of it. */
MUST_USE enum drover_error rebuild_take(struct rebuild *rebuild, const struct stream_entry *entry, struct problem *ret_problem);

/* A device's current upgrade of which the log says nothing any more, as it was found elsewhere: counted in its model, so that its counters can be
 * compared all the same. */
void rebuild_note_unknown(struct rebuild *rebuild, const char *model, enum upgrade_state state);
void rebuild_forget_unknown(struct rebuild *rebuild);
bool rebuild_knows_device(const struct rebuild *rebuild, const char *device_id);    /* it has an upgrade in the log */
bool rebuild_knows_rollout(const struct rebuild *rebuild, const char *rollout_id);  /* the log begins before it does */

bool rebuild_knows_plan(const struct rebuild *rebuild, const char *rollout_id);     /* or that it has none */
bool rebuild_knows_release(const struct rebuild *rebuild, const char *name);        /* "<model>:<version>" */

struct rebuild_facts {
    uint64_t entries, moves;
    uint64_t upgrades, devices, rollouts, releases, models;
    uint64_t rollouts_begun_before;    /* those whose beginning the log does not hold: their counters are not known */
    uint64_t plans_too_long;           /* of rollouts: longer than an entry takes, known by length and digest only */
    char first[STREAM_ID_SIZE], last[STREAM_ID_SIZE];   /* ids; "" when there was no entry */
};
struct rebuild_facts rebuild_facts(const struct rebuild *rebuild);

/* What it comes to, as keys in Redis: hashes, but for a plan, which is a string. */
enum rebuilt_kind { REBUILT_UPGRADE, REBUILT_DEVICE, REBUILT_ROLLOUT, REBUILT_PLAN, REBUILT_STAGE, REBUILT_SITES, REBUILT_MODEL, REBUILT_RELEASE, REBUILT_KIND_COUNT };
struct rebuilt_field {
    const char *name;
    const char *text;                  /* the value; NULL: it is in number */
    char number[24];
    bool surely;                       /* it must be so wherever the same log was made; else the log only says what it was at the last entry */
};
const char *rebuilt_value(const struct rebuilt_field *field);
struct rebuilt_hash {
    enum rebuilt_kind kind;
    char key[KEY_SIZE];
    const char *id;                    /* of the device, rollout, model or release */
    int64_t created_ms;                /* of a rollout or a release */
    bool whole;                        /* the log holds all of it: what is not there is 0, or absent */
    const char *plan;                  /* REBUILT_PLAN: its JSON; NULL: the log knows its length alone */
    int64_t plan_bytes;
    unsigned count, room;
    struct rebuilt_field *fields;
};
/* Every hash, upgrades first, releases last. Ends early when visit returns an error, and returns that. */
MUST_USE enum drover_error rebuild_each(struct rebuild *rebuild, enum drover_error (*visit)(void *arg, const struct rebuilt_hash *hash), void *arg);
