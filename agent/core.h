/* What the agent decides: (record, event, now) -> the next record, effects, why. No clock, no file, no socket: agent/agent.h acts. The moves stand in
 * agent_fsm.def; what is here turns what happened into one of its events, and fills in the record. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/slots.h"
#include "agent/upgrade_log.h"
#include "proto/command.h"
#include "proto/report.h"

/* The effects of a move, in the order in which they are carried out. */
enum core_effect {
    FX_STOP = 1 << 0,      /* end what is under way: condition, download, installation, check, reboot */
    FX_CLEAN = 1 << 1,     /* remove the staging file */
    FX_CONFIRM = 1 << 2,   /* slots_confirm */
    FX_SWITCH = 1 << 3,    /* slots_switch */
    FX_BACK = 1 << 4,      /* slots_back */
    FX_FETCH = 1 << 5,
    FX_INSTALL = 1 << 6,
    FX_CHECK = 1 << 7,     /* the next round of the health command */
    FX_SAY = 1 << 8,       /* report the state */
    FX_END = 1 << 9,       /* over: the outcome is due until the broker has it */
    FX_REBOOT = 1 << 10,
    FX_SLOTS = FX_CONFIRM | FX_SWITCH | FX_BACK | FX_INSTALL,
};

enum core_event {
#define EVENT(name, text) ON_##name,
#define MOVE(from, on, to, effects, why)
#include "agent/agent_fsm.def"
#undef EVENT
#undef MOVE
    CORE_EVENT_COUNT
};

struct core_move {
    enum agent_state from;
    enum core_event on;
    enum agent_state to;
    unsigned effects;
    const char *why;
};
/* The row; NULL: not in the table, refused. */
const struct core_move *core_move(enum agent_state from, enum core_event on);
const struct core_move *core_moves(unsigned *ret_count);
const char *core_event_name(enum core_event on);   /* "CAME_UP" */
const char *core_event_text(enum core_event on);

/* Waits and counts, from the settings. */
struct core_policy {
    int64_t spread_ms;        /* from the command to the download: random up to this */
    int64_t check_ms;         /* of the new image in all */
    int64_t reboot_ms;        /* the reboot is asked for again after this */
    unsigned passes;          /* of the health command in a row */
    bool needs_link;          /* healthy only while the broker is reached */
    unsigned reboots_max;     /* tries of one reboot */
    unsigned starts_max;      /* of the agent in one download or installation */
    unsigned later_max;       /* times that the depot may ask to come later */
};

/* All that a decision goes by; borrowed. */
struct situation {
    const struct core_policy *policy;
    const struct upgrade_record *record;
    const struct device_memory *memory;
    const struct slot_facts *facts;
    const char *version;      /* what runs, as the image says, or its slot */
    const char *boot_id;
    int64_t now_ms;           /* unix */
    uint64_t random;
    enum error_code permit;   /* what is wrong with the permit of a rollback command; E_NONE: nothing, or none is asked for */
    const char *permit_why;
};

struct decision {
    bool refused;                     /* nothing changes; why says why */
    enum core_event on;
    struct upgrade_record next;
    struct device_memory memory;
    unsigned effects;
    const char *why;                  /* static */
};

/* The agent starts: what the record says it was doing, held against what the slots say. The first decision of every run. */
void core_start(const struct situation *s, struct decision *ret);
void core_command(const struct situation *s, const struct command *command, struct decision *ret);

/* record->wake_ms has come, by the monotonic clock. ON_TURN of a waiting device is asked for with core_turn. */
void core_woke(const struct situation *s, struct decision *ret);
/* The wait is over, and the device's own condition (E_NONE: holds; E_BUSY, E_REJECTED) was asked. */
void core_turn(const struct situation *s, enum error_code condition, const char *what, struct decision *ret);
/* retry_after_ms > 0: the depot asked to come later. */
void core_fetched(const struct situation *s, enum error_code code, int64_t retry_after_ms, const char *what, struct decision *ret);
/* counter and build_time_ms: of the package. */
void core_installed(const struct situation *s, enum error_code code, const char *what, int64_t counter, int64_t build_time_ms, struct decision *ret);
/* How slots_switch, slots_confirm and slots_back ended; a confirmation that changes nothing is refused silently (why NULL). */
void core_switched(const struct situation *s, enum error_code code, const char *what, struct decision *ret);
void core_confirmed(const struct situation *s, enum error_code code, const char *what, struct decision *ret);
void core_went_back(const struct situation *s, enum error_code code, const char *what, struct decision *ret);
/* One round of the health command. */
void core_checked(const struct situation *s, bool passed, bool link_up, const char *what, struct decision *ret);

/* The running slot is the one that the record's upgrade is about. */
bool core_runs_target(const struct situation *s);
/* The record's image was booted and did not stay, or was gone back from. */
bool core_is_rolled_back(const struct upgrade_record *record);
/* The report that the record amounts to; false: there is nothing to say (no upgrade, or one of its own). progress: 0 .. 100 or ABSENT. seq is the record's. */
bool core_report(const struct upgrade_record *record, const char *device_id, const char *version, int64_t progress, struct report *ret_report);

/* An update that the device found by itself (mode pull): it has no id at the server, and nothing is reported. */
#define CORE_PULL_ID "pull"
