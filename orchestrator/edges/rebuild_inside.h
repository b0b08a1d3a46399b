/* What the parts of the fold share; nobody else includes it. */
#pragma once

#include "orchestrator/core/upgrade.h"
#include "orchestrator/edges/names.h"
#include "orchestrator/edges/rebuild.h"
#include "orchestrator/edges/rebuild_sheet.h"
#include "proto/event.h"
#include "proto/event_facts.h"

struct rebuilt_upgrade {
    uint32_t device, rollout, model, version;    /* numbers of names */
    uint32_t from_version, via, site;            /* NAMES_NONE: not said */
    uint8_t state, error;                        /* enum upgrade_state, enum error_code */
    bool whole;                                  /* its first entry was there */
    int32_t stage;
    int64_t attempt, revision;
    int64_t opened_ms, state_ms;                 /* 0: the entry that would say so was not there */
    char event[EVENT_ID_SIZE];                   /* its last move */
};

struct rebuilt_device {
    uint32_t upgrade;                            /* the current one; NAMES_NONE: none in the log */
    char event[EVENT_ID_SIZE];                   /* the last entry that is about it */
};

struct rebuilt_stage {
    struct rollout_counts counts;
    int64_t opened_ms, settled_ms;
    uint32_t strata;                             /* a list of tallies */
};

struct rebuilt_rollout {
    struct sheet sheet;                          /* its hash but for what is counted */
    bool whole;
    bool bare;                                   /* some of its entries are of a Drover that wrote no facts */
    int64_t created_ms;
    char *plan;                                  /* owned; its JSON; NULL: none, or not in the log */
    int64_t plan_bytes;                          /* of one that was too long for an entry; 0: it was not */
    int64_t retried;
    uint32_t sites;                              /* a list of tallies */
    struct rollout_counts counts;
    struct rebuilt_stage stages[PLAN_STAGES_MAX + 1];   /* by number; [0]: of no stage */
};

struct rebuilt_release {
    struct sheet sheet;
    bool whole;
};

struct rebuilt_model {
    int64_t states[UPGRADE_STATE_COUNT], unknown[UPGRADE_STATE_COUNT];
};

struct rebuild {
    struct rebuild_facts facts;
    struct names texts;                          /* models, versions, names of fields */
    struct names upgrade_names;                  /* by upgrade id; the same order as upgrades */
    struct rebuilt_upgrade *upgrades;            /* owned */
    size_t upgrade_size;
    struct names device_names;
    struct rebuilt_device *devices;              /* owned */
    size_t device_size;
    struct names rollout_names;
    struct rebuilt_rollout **rollouts;           /* owned, each */
    size_t rollout_size;
    struct names release_names;                  /* "<model>:<version>" */
    struct rebuilt_release *releases;            /* owned, with their sheets */
    size_t release_size;
    struct names model_names;
    struct rebuilt_model *models;                /* owned */
    size_t model_size;
    struct tallies tallies;                      /* of strata and sites */
};

/* An entry as the parts take it. */
struct rebuild_entry {
    struct event event;
    struct event_facts facts;
};

/* Room for number `at` in an array of rows; new ones are zeroed. */
void *rebuild_reserve(void *rows, size_t *size, uint32_t at, size_t row_bytes);
struct rebuilt_device *rebuild_device(struct rebuild *rebuild, const char *device_id);
struct rebuilt_rollout *rebuild_rollout(struct rebuild *rebuild, const char *rollout_id);
struct rebuilt_model *rebuild_model(struct rebuild *rebuild, const char *model);

/* One entry each; DROVER_SYNTAX when it cannot be. */
MUST_USE enum drover_error rebuild_take_move(struct rebuild *rebuild, struct rebuild_entry *entry, struct problem *ret_problem);
MUST_USE enum drover_error rebuild_take_rollout(struct rebuild *rebuild, struct rebuild_entry *entry, struct problem *ret_problem);
MUST_USE enum drover_error rebuild_take_release(struct rebuild *rebuild, struct rebuild_entry *entry, struct problem *ret_problem);
enum drover_error rebuild_refuse(struct problem *ret_problem, const struct event *event, const char *what);
bool rebuild_is_said(const char *text);          /* neither "" nor "-" */
