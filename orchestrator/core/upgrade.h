/* One device inside one rollout: the record behind drover:v1:upgrade:<id>. A value; owns nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/semver.h"
#include "common/text.h"
#include "orchestrator/core/upgrade_fsm.h"
#include "proto/error_code.h"
#include "proto/heartbeat.h"
#include "proto/report.h"

#define BOOT_NONE "-"     /* no boot id: those begin with a letter or a digit */
#define WHY_SIZE 64       /* a reason kept in a Redis hash: at most 63 bytes (listpack) */
#define EVENT_ID_SIZE 32
#define TOKEN_SIZE 33

struct upgrade {
    char device_id[ID_SIZE];
    char upgrade_id[UPGRADE_ID_SIZE];     /* hash of rollout and device: the same wherever and whenever it is computed */
    char rollout[ID_SIZE];
    char model[ID_SIZE];
    char from_version[VERSION_SIZE];      /* what it ran when this leg began */
    char version[VERSION_SIZE];           /* the target */
    char via[VERSION_SIZE];               /* the stepping stone that this leg leads to; "": the target itself */
    enum upgrade_state state;             /* STATE_NONE: there is no upgrade */
    int64_t stage;                        /* of the rollout, through which it was taken; 0: the rollout has none */
    char site[ID_SIZE];                   /* where it counts as in flight; "": nowhere, or no matter */
    int64_t attempt;                      /* 0 before the first dispatch */
    int64_t attempts_before;              /* those of its turns and legs before this one: they do not count any more */
    int64_t revision;                     /* counts moves and notes; every save compares it */
    int64_t deadline_ms;                  /* unix ms; 0 in final states */
    int64_t opened_ms;
    int64_t state_ms;                     /* since when it is in this state */
    int64_t attempt_ms;                   /* when this attempt was dispatched */
    int64_t download_ms;                  /* when this attempt's download began; 0: not yet */
    int64_t repeats;                      /* how often the command of this state was said again */
    int64_t progress;                     /* 0 .. 100 of the current step */
    int64_t report_seq;                   /* newest report taken; -1 before the first */
    enum error_code error;                /* the last failure, E_NONE when none */
    char why[WHY_SIZE];                   /* why it is in this state */
    char note[WHY_SIZE];                  /* the device's own words, cut */
    char boot_before[BOOT_ID_SIZE];       /* boot id when this attempt was dispatched, or of a later boot before it installed; "" when the
                                           * device sends none; BOOT_NONE: every boot it shows is a new one */
    int64_t strayed_ms;                   /* when such a later boot was seen; 0: none was */
    char boot_id[BOOT_ID_SIZE];           /* newest boot id seen in this attempt */
    int64_t boots;                        /* different boot ids seen since the dispatch */
    int64_t rebooted_ms;                  /* first sign of the reboot into the new version; 0: none yet */
    int64_t healthy_ms;                   /* first healthy heartbeat on the target version in this attempt; 0: not ready yet */
    int64_t confirmations;                /* healthy heartbeats on the target version in a row */
    int64_t confirmed_ms;                 /* when the first of them came: the soak's start */
    int64_t unhealthy;                    /* unhealthy heartbeats in a row on the target version */
    int64_t old_beats;                    /* heartbeats on the old version in a row while verifying a device without boot ids */
    int64_t evidence_ms;                  /* arrival of the newest heartbeat that was counted: none counts twice */
    int64_t heard_ms;                     /* last sign of life beside heartbeats: a report, a question, a download */
    int64_t busy;                         /* times it said it has no time now; up to policy.busy_max cost no attempt */
    enum upgrade_state lost_from;         /* the state it was in when it got lost or failed */
    bool full_only;                       /* a delta failed: only the full package from now on */
    bool delta;                           /* what this attempt was given */
    bool asked_back;                      /* an operator or its rollout wanted it back: nothing is wrong with the release on this device */
    bool has_package;                     /* it said that it has the whole package: the next attempt needs no download */
    int64_t install_after_ms;             /* this attempt was told to install not before this (decide_held.c), and ... */
    int64_t install_before_ms;            /* ... before this; 0: at any time */
    char last_event[EVENT_ID_SIZE];       /* id of this device's newest event, to chain the next */
    char token[TOKEN_SIZE];               /* of the last save: tells an unknown outcome from a conflict */
};

/* A new upgrade of the device in this rollout, state NONE, not saved yet. */
struct device;
struct rollout;
void upgrade_init(struct upgrade *upgrade, const struct rollout *rollout, const struct device *device, int64_t now_ms);
/* It gets another turn, in the same stage, or begins its next leg: only names, the numbers of attempts and the chain of events go on. */
void upgrade_begin_turn(struct upgrade *upgrade, const struct rollout *rollout, const struct device *device, int64_t now_ms);
/* Where its leg leads to, from what the device runs. A package that it has for another leg is of no use any more. */
void upgrade_aim(struct upgrade *upgrade, const struct rollout *rollout, const struct device *device);
/* What it is to run at the end of this leg. */
const char *upgrade_goal(const struct upgrade *upgrade);
/* The next attempt begins: nothing that was seen before it counts. */
void upgrade_begin_attempt(struct upgrade *upgrade, const struct device *device, int64_t now_ms);
/* It is to prove the new version from here on: evidence starts at nothing (boots keep counting). */
void upgrade_begin_verify(struct upgrade *upgrade);
/* Sets `why`, cut to what a Redis hash keeps. */
void upgrade_set_why(struct upgrade *upgrade, const char *why);
