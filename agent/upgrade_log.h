/* What the agent must not forget, on disk: one snapshot that is replaced atomically (temporary file, fsync, rename, fsync of the folder), and a
 * bounded history of operations beside it for people. A torn or foreign file is set aside (".bad") and said, never trusted. */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "common/semver.h"
#include "common/sha256.h"
#include "proto/command.h"
#include "proto/error_code.h"

enum agent_state {
    AGENT_IDLE, AGENT_WAITING, AGENT_DOWNLOADING, AGENT_HOLDING, AGENT_INSTALLING, AGENT_SWITCHED, AGENT_CHECKING, AGENT_GOING_BACK, AGENT_STATE_COUNT
};
const char *agent_state_name(enum agent_state state);

/* The one upgrade this device knows of; AGENT_IDLE with upgrade_id "" before the first. */
struct upgrade_record {
    enum agent_state state;
    struct command command;             /* as it came */
    char from_version[VERSION_SIZE];
    char boot_id[ID_SIZE];              /* at the last step: another one now means that the device has rebooted */
    int64_t state_since_ms;             /* unix */
    int64_t wake_ms;                    /* unix: end of waiting, of the check; 0: none */
    unsigned tries;                     /* of the present state */
    unsigned passes;                    /* health checks in a row */
    int64_t report_seq;                 /* of the last report made */
    int64_t release_counter;            /* of the package that was installed, and */
    int64_t build_time_ms;              /* its build time: remembered for ever once the slot is confirmed */
    enum error_code error;              /* why it ended or goes back; E_NONE */
    char why[112];
    bool outcome_due;                   /* the final report is not acknowledged by the broker yet */
};

/* For ever. */
struct device_memory {
    int64_t release_counter;            /* highest accepted and confirmed */
    int64_t floor_ms;                   /* newest time there is reason to believe */
    int64_t notice_epoch;
};

struct upgrade_log;
/* Makes dir when it is missing. On success both structs hold what was there, or nothing (zero). */
MUST_USE enum drover_error upgrade_log_open(const char *dir, struct upgrade_log **ret_log, struct upgrade_record *ret_record, struct device_memory *ret_memory, struct problem *ret_problem);
void upgrade_log_close(struct upgrade_log *log);
/* On disk when it returns DROVER_OK. */
MUST_USE enum drover_error upgrade_log_write(struct upgrade_log *log, const struct upgrade_record *record, const struct device_memory *memory, struct problem *ret_problem);
/* One line of history: time, state, version, error, why; the file is cut to its newest half at 256 KiB. Best effort. */
void upgrade_log_note(struct upgrade_log *log, int64_t unix_ms, const struct upgrade_record *record);
