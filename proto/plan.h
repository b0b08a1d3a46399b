/* A rollout's plan, as an operator writes it (schema: proto/schema/plan.json): target, stages, gates, limits, conditions, windows,
 * retry and rollback policy, priority, approval. Read once, then immutable and shared: plan_hold and plan_drop count references
 * (one thread). Names of members are the names in JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/semver.h"
#include "common/text.h"
#include "proto/error_code.h"
#include "proto/heartbeat.h"

#define PLAN_BYTES_MAX (1024 * 1024)  /* of its JSON; 10,000 ids of 64 characters fit */
#define PLAN_STAGES_MAX 16
#define PLAN_GATES_MAX 16             /* of a stage, the plan's own included */
#define PLAN_WINDOWS_MAX 8
#define PLAN_WORDS_MAX 16
#define PLAN_WEIGHTS_MAX 16
#define PLAN_STEPS_MAX 8
#define PLAN_IDS_MAX 10000
#define PLAN_PROBLEMS_MAX 32
#define PLAN_PERMIT_SIZE 4096

/* A few words: tags, hardware revisions, networks. Empty: no demand. */
struct plan_words {
    unsigned count;
    char words[PLAN_WORDS_MAX][ID_SIZE];
};

/* Who is meant. Everything that is given must hold. */
struct plan_filter {
    struct plan_words tags_any, tags_all, tags_none;
    struct plan_words hw_revs;
    char min_version[VERSION_SIZE], max_version[VERSION_SIZE];  /* of what runs now, both included; "": no bound */
    size_t id_count;                  /* "devices": these ids alone; 0: no list */
    char (*ids)[ID_SIZE];             /* sorted by strcmp; owned by the plan */
};

/* What a gate measures. RATE ones are shares of distinct devices, in millionths. */
enum gate_measure {
    GATE_FAILURE_RATE,       /* failed, rolled back or lost, of the settled; with `error`: by this code */
    GATE_SUCCESS_RATE,       /* succeeded, of the settled */
    GATE_LOST_RATE,          /* lost, of the opened */
    GATE_HEARTBEAT_LOSS,     /* share of devices offline: updated minus control */
    GATE_UNHEALTHY,          /* share of devices unhealthy: updated minus control */
    GATE_REBOOTS,            /* reboots per device and day: updated divided by control, in thousandths */
    GATE_MEASURE_COUNT
};
const char *gate_measure_name(enum gate_measure measure);   /* "failure_rate" */
enum gate_outcome { GATE_PAUSE, GATE_CANCEL, GATE_ROLL_BACK, GATE_OUTCOME_COUNT };
const char *gate_outcome_name(enum gate_outcome outcome);   /* "pause", "cancel", "roll_back" */

struct plan_gate {
    enum gate_measure measure;
    enum error_code error;            /* E_NONE: any */
    int64_t limit;                    /* millionths of a share, thousandths of a quotient: "max_pct", "min_pct", "max_times" */
    int64_t min_sample;               /* devices; below it nothing is judged, 20 */
    int64_t confidence_pct;           /* of the interval: 80, 90, 95, 99; 95 */
    enum gate_outcome then;           /* when it is broken: "pause" */
};

enum stage_kind { STAGE_EVERYBODY, STAGE_PERCENT, STAGE_COUNT };
struct plan_stage {
    char name[ID_SIZE];
    enum stage_kind kind;
    int64_t percent_x100;             /* of all devices, place below it: 1 .. 10000 */
    int64_t count;                    /* devices, or devices per stratum */
    char per[ID_SIZE];                /* "": no strata; "hw_rev"; "tag:<prefix>": the first tag that begins so */
    struct plan_filter filter;
    int64_t soak_s;                   /* from its last device's settling (and its own beginning) to the gates' last word */
    int64_t settled_pct;              /* so many of its opened devices must have settled, 100 */
    bool manual;                      /* "promote": "manual"; an operator must say so, "auto" otherwise */
    unsigned gate_count;
    struct plan_gate gates[PLAN_GATES_MAX];   /* the plan's, then its own */
};

/* 0: no limit, where not said otherwise. */
struct plan_limits {
    int64_t max_in_flight;            /* 1000 */
    int64_t per_minute;               /* dispatches a minute */
    int64_t growth_pct;               /* per_minute grows by so much each minute of running ... */
    int64_t per_minute_max;           /* ... up to this */
    int64_t bytes_in_flight;          /* package bytes of devices told but not done downloading */
    int64_t per_site;                 /* in flight for one site */
    char site_tag[ID_SIZE];           /* the site is the first tag that begins with this: "site-" */
};

struct plan_conditions {              /* asked before a device is told */
    struct plan_words networks;
    int64_t min_battery_pct;          /* a device that says no battery level passes */
    bool idle;                        /* its status must be idle */
};

/* A weekly window in the device's own time: [from, to) in minutes of the day; from > to: over midnight, and belongs to the day it began. */
enum window_use { WINDOW_BOTH, WINDOW_DOWNLOAD, WINDOW_INSTALL };
struct plan_window {
    enum window_use use;
    unsigned days;                    /* bit 0: Monday .. bit 6: Sunday */
    int from_min, to_min;             /* 0 .. 1439, to 1 .. 1440 */
};
struct plan_windows {
    char time_zone[TIME_ZONE_SIZE];   /* of devices that say none; "UTC" */
    unsigned count;                   /* 0: always */
    struct plan_window windows[PLAN_WINDOWS_MAX];
};

struct plan_retry {
    int64_t max_attempts;             /* 3 */
    int64_t base_s, cap_s;            /* 0: the policy's */
};

struct plan_rollback {
    char permit[PLAN_PERMIT_SIZE];    /* a signed permit (firmware/permit.h) for this rollout, made in advance; "": droverd's own key, where it has one */
    bool automatic;                   /* gates may roll back; false: a gate that wants to pauses instead */
};

/* First row that fits counts. */
struct plan_weight {
    char priority[WORD_SIZE];         /* class of the device; "": any */
    struct plan_words networks;
    int64_t weight;                   /* 0 .. 100 */
};
struct plan_priority {
    unsigned count;                   /* 0: critical on wifi or ethernet 90, others on wifi or ethernet 60, everything else 30 */
    struct plan_weight weights[PLAN_WEIGHTS_MAX];
    int64_t ageing_s;                 /* one point of weight is worth so much waiting, 10 */
};

struct plan {
    unsigned references;
    char id[ID_SIZE];                 /* "": the server chooses */
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    char text[256];                   /* "description" */
    struct plan_filter target;
    unsigned stage_count;             /* at least 1 */
    struct plan_stage stages[PLAN_STAGES_MAX];
    struct plan_limits limits;
    struct plan_conditions conditions;
    struct plan_windows windows;
    struct plan_retry retry;
    struct plan_rollback rollback;
    struct plan_priority priority;
    unsigned step_count;              /* "stepping_stones": whoever runs an older version than one of these goes through it first */
    char steps[PLAN_STEPS_MAX][VERSION_SIZE];
    int64_t start_ms;                 /* not before; 0: at once */
    int64_t approvals;                /* operators beside its author that must approve: 0, 1, 2 */
    bool supersede;                   /* takes over from one that runs */
    int64_t confirmations, soak_ms, spread_s;   /* per device: 2, 0, 60 */
};

struct plan_problem {
    char where[128];                  /* JSON pointer (RFC 6901): "/stages/1/percent" */
    char what[128];
};
struct plan_problems {
    unsigned count;                   /* found; at most PLAN_PROBLEMS_MAX are kept */
    struct plan_problem items[PLAN_PROBLEMS_MAX];
};

/* Reads and validates; *ret_plan has one reference. DROVER_SYNTAX: not JSON, or against the schema: ret_problems names every error, not
 * just the first. DROVER_MEMORY. */
MUST_USE enum drover_error plan_read(const char *bytes, size_t length, struct plan **ret_plan, struct plan_problems *ret_problems);
/* Appends the plan's JSON: what plan_read would read the same plan from, every default written out. */
void plan_write(const struct plan *plan, struct buffer *buffer);
/* Do two stages take the same devices, whatever else they say? */
bool plan_stage_takes_same(const struct plan_stage *left, const struct plan_stage *right);
struct plan *plan_hold(struct plan *plan);    /* NULL is allowed: NULL */
void plan_drop(struct plan *plan);            /* frees with the last reference; NULL is allowed */

/* A device's view of lists. */
bool plan_words_have(const struct plan_words *words, const char *word);
/* NULL: the filter takes it; otherwise which part does not: "its tags", "its hardware revision", "its version", "not on the list". Binary search in ids. */
const char *plan_filter_refusal(const struct plan_filter *filter, const struct heartbeat *heartbeat);
/* The first of comma-separated tags that begins with prefix, copied (cut to ID_SIZE - 1); "" when there is none. */
void plan_tag_with_prefix(const char *tags, const char *prefix, char *ret);
