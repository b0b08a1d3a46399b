/* What rebuild.c and rebuild_hashes.c share; nobody else includes it. */
#pragma once

#include "orchestrator/core/upgrade.h"
#include "orchestrator/edges/names.h"
#include "orchestrator/edges/rebuild.h"

struct rebuilt_upgrade {
    uint32_t device, rollout, model, version;    /* numbers of names */
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
};

struct rebuilt_rollout {
    uint32_t model, version;                     /* NAMES_NONE: not said yet */
    int state;                                   /* enum rollout_state; -1: not said yet */
    bool whole;
    int64_t revision, created_ms, stage;
    char why[WHY_SIZE];
    int64_t retried;
    struct rollout_counts counts;
    struct rebuilt_stage stages[PLAN_STAGES_MAX + 1];   /* by number; [0]: of no stage */
};

struct rebuilt_model {
    int64_t states[UPGRADE_STATE_COUNT], unknown[UPGRADE_STATE_COUNT];
};

struct rebuild {
    struct rebuild_facts facts;
    struct names texts;                          /* models, versions */
    struct names upgrade_names;                  /* by upgrade id; the same order as upgrades */
    struct rebuilt_upgrade *upgrades;            /* owned */
    size_t upgrade_size;
    struct names device_names;
    struct rebuilt_device *devices;              /* owned */
    size_t device_size;
    struct names rollout_names;
    struct rebuilt_rollout **rollouts;           /* owned, each */
    size_t rollout_size;
    struct names model_names;
    struct rebuilt_model *models;                /* owned */
    size_t model_size;
};
