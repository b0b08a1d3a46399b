/* Inside the agent: its parts, and how its files call each other. Only the loop's thread is ever in here. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent.h"
#include "agent/core.h"
#include "agent/fetch.h"
#include "agent/health.h"
#include "agent/link.h"
#include "agent/slots_task.h"
#include "agent/upgrade_log.h"
#include "firmware/key.h"
#include "proto/notice.h"

#define AGENT_PATH_SIZE (AGENT_TEXT_SIZE + 64)
#define NEVER INT64_MAX
#define WHAT_SIZE 176                        /* where and what of a problem */

enum agent_run_of { RUN_NOTHING, RUN_CONDITION, RUN_HEALTH, RUN_REBOOT };

struct pull;                             /* mode pull: the question to the depot */

struct agent {
    const struct agent_settings *settings;
    struct core_policy policy;
    int64_t mono_ms, unix_ms;            /* of this turn of the loop */

    struct upgrade_log *log;             /* what is remembered */
    struct upgrade_record record;
    struct device_memory memory;

    struct slots *slots;                 /* what runs */
    struct slot_facts facts;
    char version[VERSION_SIZE];
    char boot_id[BOOT_ID_SIZE];

    struct trust trust;                  /* what is believed */
    struct recipient_keys keys;
    uint8_t model_key[1][CONTENT_KEY_BYTES];
    struct private_key *device_key;
    char *permit;
    uint8_t manifest_sha256[SHA256_BYTES];
    char package_from[VERSION_SIZE], package_version[VERSION_SIZE], package_rollout[ID_SIZE];   /* of the job, whatever becomes of the record */
    char staging_path[AGENT_PATH_SIZE];
    struct package_policy package_policy;
    char token[4096];

    struct link *link;                   /* what is said (agent_say.c) */
    struct link_news news;
    bool link_up;
    struct buffer json;
    uint64_t ticket_last, ticket_waits;  /* of the report that the broker has not acknowledged; 0: none */
    bool ticket_is_end;                  /* it is an outcome */
    bool report_due;
    int64_t heartbeat_mono_ms;
    int64_t heartbeat_seq;
    const char *status_said;

    CURLM *multi;                        /* what is under way (agent_act.c) */
    struct fetch *fetch;
    int64_t fetch_mono_ms;
    struct command_run *run;
    enum agent_run_of run_of;
    int64_t run_mono_ms;
    int64_t wake_mono_ms, check_mono_ms, reboot_mono_ms;
    int64_t start_again_mono_ms;         /* the record could not be written: all is looked at anew then */
    int64_t small_mono_ms;               /* memory is given back then */
    unsigned stumbles;
    int64_t progress_pct, progress_said_pct, progress_said_mono_ms;
    struct pull *pull;

    struct slots_task *task;             /* what the slots are doing (agent_slots.c) */
    bool task_is_waited_for;             /* effects_left are done after it */
    bool task_dropped;                   /* it was stopped, its outcome is of no interest */
    unsigned slots_wanted;               /* effects that wait for its end, carried out in their order */
    bool slots_hold;                     /* a step that is wanted or runs is waited for: no time of the record comes meanwhile */
    int64_t slots_since_mono_ms;
    unsigned effects_left;
    enum core_event effects_on;

    int signal_fd;
    bool ending;
};

/* agent_setup.c: files, keys, slots, link. */
MUST_USE enum drover_error agent_setup(struct agent *agent, const struct agent_settings *settings, struct problem *ret_problem);
bool agent_teardown(struct agent *agent);   /* false: Paho hangs, nothing else may be freed */
/* The slots and what runs are looked at again. */
MUST_USE enum drover_error agent_facts(struct agent *agent, struct problem *ret_problem);
/* The newer trust store that came with a package is kept in the state folder, and believed from now on. */
MUST_USE enum drover_error agent_trust_keep(struct agent *agent, const char *bytes, size_t length, struct problem *ret_problem);
/* Those that open encrypted packages; NULL: none. */
const struct recipient_keys *agent_keys(const struct agent *agent);
/* What a package of this record is held against; the texts are the agent's. */
void agent_package_policy(struct agent *agent);

/* agent_permit.c: E_NONE: the command needs no permit, or brings a good one; otherwise why not. */
enum error_code agent_permit_check(const struct agent *agent, const struct command *command, const char *permit_text, char *ret_why, size_t size);

/* agent_act.c: the one funnel. Writes the decision down, then acts. False: refused, or not written. */
bool agent_take(struct agent *agent, const struct decision *decision);
struct situation agent_situation(struct agent *agent);
void agent_start(struct agent *agent);            /* the first decision, and after a stumble */
void agent_stop_work(struct agent *agent);
/* The effects that are not the slots'. */
void agent_effects(struct agent *agent, unsigned effects, enum core_event on);

/* agent_slots.c: what the slots are asked for. Returns the effects that need not wait for it. */
unsigned agent_slots_begin(struct agent *agent, unsigned effects, enum core_event on);
void agent_slots_stop(struct agent *agent);       /* returns at once */
void agent_slots_step(struct agent *agent);

/* agent_work.c: what is under way. */
void agent_fetch_begin(struct agent *agent);
void agent_work_step(struct agent *agent);        /* what has ended, what is due */
int64_t agent_work_wake(const struct agent *agent);

/* agent_say.c */
void agent_report(struct agent *agent);           /* the record's state is to be said */
void agent_say_step(struct agent *agent);
void agent_link_step(struct agent *agent);        /* takes what the link has */
int64_t agent_say_wake(const struct agent *agent);

/* agent_pull.c */
MUST_USE struct pull *pull_new(void);
void pull_free(struct pull *pull);
void agent_notice(struct agent *agent, const struct notice *notice);
void agent_pull_step(struct agent *agent);
void agent_pull_drop(struct agent *agent);       /* the question, if one is under way: the multi handle is needed for a download */
int64_t agent_pull_wake(const struct agent *agent);
