/* The decisions: what follows from a heartbeat, a report, a deadline, a question, an operator. Values in, a value out;
 * no clock, no log, no memory: `now_ms` and `random` are inputs. Guards here choose the event, upgrade_fsm.def the move. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/core/device.h"
#include "orchestrator/core/pace.h"
#include "orchestrator/core/policy.h"
#include "orchestrator/core/predicates.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/core/served.h"
#include "orchestrator/core/upgrade.h"
#include "proto/report.h"

/* Everything a decision may look at. */
struct situation {
    int64_t now_ms;
    uint64_t random;
    const struct policy *policy;
    const struct rollout *rollout;   /* of the upgrade; NULL: not known now */
    const struct rollout *running;   /* the one that runs, or is paused, for the device's model; NULL: none */
    int64_t in_flight;               /* of `running`, as far as known; the store has the last word */
    const struct pace *pace;         /* NULL: the depot can carry everybody */
    const struct time_zone *zone;    /* the device's; NULL: UTC */
    bool has_turn;                   /* nobody who waits in line is before it */
    const struct look_known *known;  /* NULL: was not read */
    const char *permit;              /* to go back from `rollout`: "": there is none here; NULL: it is being made */
    const struct device *device;
    const struct upgrade *upgrade;   /* state NONE: there is none */
};

/* Why an observation changes nothing; each is a counter. */
enum refusal {
    REFUSAL_NONE, REFUSAL_UNKNOWN_UPGRADE, REFUSAL_STALE_ATTEMPT, REFUSAL_STALE_SEQ, REFUSAL_STALE_STEP,
    REFUSAL_ILLEGAL, REFUSAL_UNKNOWN_DEVICE, REFUSAL_OVER, REFUSAL_NO_OFFER, REFUSAL_NO_ROOM,
    REFUSAL_COUNT
};
const char *refusal_name(enum refusal refusal);   /* "stale_seq" */

struct decision {
    enum drover_error error;         /* DROVER_OK, or why nothing is done: STALE, UNKNOWN, REFUSED */
    enum refusal refusal;
    const struct fsm_move *move;     /* NULL: nothing is to be saved */
    struct upgrade next;             /* as it shall be */
    unsigned effects;                /* to be spoken once it is saved */
    enum device_kind learned;        /* KIND_UNKNOWN: nothing new of the device */
    bool silent;                     /* no entry in the event stream */
    bool waits;                      /* only a limit is in the way of its next attempt: it may stand in line */
    bool by_rollout;                 /* made because of the rollout's state, and only as long as it lasts (eligible_guard) */
    char why[128];                   /* never empty */
};

/* What the predicates look at: of taking the device into this rollout (s->running), or of another attempt in it (s->rollout). */
void situation_look(const struct situation *s, const struct rollout *rollout, struct look *ret);

/* The device's newest heartbeat, which is in s->device; also after a save, to see whether more follows from it. */
void decide_heartbeat(const struct situation *s, struct decision *ret);
void decide_report(const struct situation *s, const struct report *report, struct decision *ret);
void decide_deadline(const struct situation *s, struct decision *ret);
/* GET /firmware/latest by this device, which says what it is and runs. REFUSED: it may fetch nothing now, and why. FULL: it could, had the depot room. */
void decide_ask(const struct situation *s, const char *model, const char *version, struct decision *ret);
/* The depot gave it bytes of this attempt's package. */
void decide_served(const struct situation *s, const struct served *served, struct decision *ret);
void decide_rollback(const struct situation *s, const char *who, struct decision *ret);
/* Until when this decision keeps the device from its version, unix ms; 0: it does not; -1: it lifts such a quarantine. */
int64_t decide_quarantine_ms(const struct situation *s, const struct decision *decision);
/* Its rollout goes back: so must it, unless something is against it; decide_back_refusal: what. */
void decide_back(const struct situation *s, struct decision *ret);
const char *decide_back_refusal(const struct situation *s);
/* Its rollout goes back from its version, and no other one brings it that version now: the upgrade must not end as succeeded. A stepping stone is not gone
 * back from: who is on its way to one gets there, and is cancelled then. */
bool decide_goes_back(const struct situation *s);
/* It failed to go back, or fell silent over it, and shows the new version again since: in a later boot, or after the silence. */
bool decide_is_back_again(const struct situation *s);
/* Devices that failed in its rollout are given another turn, and this is one of them that still waits for it. */
bool decide_has_another_turn(const struct situation *s);
void decide_again(const struct situation *s, struct decision *ret);
/* Its turn in the line of those who wait for a place has come. */
void decide_turn(const struct situation *s, struct decision *ret);
/* An operator has excluded it from this rollout. */
void decide_withdraw(const struct situation *s, const char *rollout_id, const char *who, struct decision *ret);
/* Its rollout was cancelled or superseded, or goes back. */
void decide_ending(const struct situation *s, struct decision *ret);

/* Is the upgrade in a state in which the device may fetch the package of this attempt? */
bool decide_may_fetch(const struct upgrade *upgrade);

/* --- for the decide_*.c files --- */
void decision_begin(const struct situation *s, struct decision *ret);
/* Takes the move for `on`, or refuses when the table has none. code E_NONE: no failure. why NULL: the row's. */
void decision_make(const struct situation *s, struct decision *ret, enum upgrade_event on, enum error_code code, const char *why);
/* After `next` was changed further: its deadline, anew. */
void decision_reschedule(const struct situation *s, struct decision *ret);
void decision_refuse(struct decision *ret, enum drover_error error, enum refusal refusal, const char *why);
/* The reason; of a move already taken too, whose upgrade then carries it. */
void decision_say(struct decision *ret, const char *format, ...) PRINTF_LIKE(2, 3);
/* An attempt failed with this code: RETRY, GIVE_UP, FAIL or BUSY. what: in words, NULL for the code's own. */
void decide_failure(const struct situation *s, struct decision *ret, enum error_code code, const char *what);
/* DISPATCH when the rollout runs; otherwise CANCEL, SUPERSEDE or POSTPONE. */
void decide_dispatch(const struct situation *s, struct decision *ret);
/* --- decide_held.c: windows, and who waits for one without a place --- */
/* Until when this attempt, which begins now, may install: into next->install_*. */
void decide_give_window(const struct situation *s, struct upgrade *next);
/* It has the package, and was told to wait with it. */
bool decide_is_to_hold(const struct upgrade *upgrade, int64_t progress);
/* Takes HOLD: it gives its place back. */
void decide_hold(const struct situation *s, struct decision *ret, const char *why);
/* What is against its next attempt, which takes a place again; NULL: nothing. ret_row, ret_look: which row, and what it saw; row NULL: none of the list. */
const char *decide_held_refusal(const struct situation *s, struct look *ret_look, const struct predicate **ret_row);
/* Looks whether its turn has come. on_deadline: one look is over, the next one is to be planned. */
void decide_held(const struct situation *s, bool on_deadline, struct decision *ret);
/* NULL: an attempt may begin now. */
const char *decide_dispatch_refusal(const struct situation *s);
/* The same, of taking the device into s->running. */
const char *decide_open_refusal(const struct situation *s);
/* Takes the device into s->running, unless something is against it. */
void decide_open(const struct situation *s, struct decision *ret);
