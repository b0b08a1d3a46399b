/* Drover's truth: everything that is read from or written to Redis, as asynchronous functions on the loop.
 * The flow uses it through `struct store_port` (core/ports.h); the operator API and the chores use the functions below.
 *
 * A callback comes exactly once per call, on the loop, never from inside the call itself; what it is given lives until it
 * returns; requests are copied before a call returns. Callbacks may be NULL where noted. Errors are those of redis_link.h, and:
 *   DROVER_NOT_FOUND  no such thing     DROVER_CONFLICT  somebody else was faster, or another one runs
 *   DROVER_REFUSED    not possible in this state           DROVER_DUPLICATE  the id is taken */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "orchestrator/core/ports.h"
#include "orchestrator/core/rollout.h"
#include "orchestrator/edges/redis_link.h"
#include "proto/event.h"

struct proposal;
struct store;

struct store_config {
    const char *instance;      /* this droverd's name, copied; goes into events and leases */
    int64_t events_keep;       /* length of drover:v1:events, about; 0: 1000000 */
    int64_t audit_keep;        /* length of drover:v1:audit, about; 0: 100000 */
    int64_t series_keep;       /* length of drover:v1:series, about; 0: 60480 (a week of 10 s) */
    size_t facts_max;          /* most fingerprints of heartbeats kept; 0: 2^21. 16 bytes each, grows with the fleet */
    int64_t timeout_ms;        /* of each call; 0: the link's */
};

/* NULL: out of memory. The link is borrowed and must live longer. */
struct store *store_new(struct redis_link *link, const struct store_config *config);
/* Moves gather while the loop has something to do, and go in one call; this sends them now. Before redis_link_free, which then answers them. */
void store_flush(struct store *store);
/* Only after redis_link_free, or when nothing is outstanding. */
void store_free(struct store *store);
struct store_port store_port(struct store *store);

struct store_counters {
    uint64_t beats_short, beats_long;        /* sent to Redis in this form */
    uint64_t beats_asked;                    /* short ones that Redis asked the long form of */
    uint64_t beats_same, beats_loaded, beats_stale, beats_clash;
    uint64_t moves, move_conflicts, move_repeats;   /* repeats: the first try had worked */
    uint64_t facts, facts_evicted;           /* fingerprints held and thrown out */
    uint64_t bad_records;                    /* replies that could not be understood */
};
struct store_counters store_counters(const struct store *store);

/* --- operators' changes: who does them, and the answers that are kept under idempotency keys (draft-ietf-httpapi-idempotency-key-header) --- */

/* For the audit; of a change that is one script, the script writes the entry. */
struct actor {
    char who[ID_SIZE];           /* "operator": with the content of api.token_file, which names nobody */
    char key[ID_SIZE];           /* what proved it: the key's id, "api.token_file" */
    char role[16];
    char action[32];             /* the route: "rollout_pause" */
    char target[2 * ID_SIZE];    /* what it is done to; "": the change knows it */
    char request[ID_SIZE];
    const char *before, *after;  /* JSON or words; NULL: the change knows it */
    const char *said;            /* words about what was done; NULL: none, or the change knows them */
};
#define CHANGE_NAME_SIZE 65
struct change_key {
    char name[CHANGE_NAME_SIZE];         /* digests: of the holder with the key he sent, */
    char holder[CHANGE_NAME_SIZE];       /* of the holder, whose kept answers are bounded together, */
    char fingerprint[CHANGE_NAME_SIZE];  /* of the request */
};
struct change_answer {
    int status;
    const char *content_type, *etag;     /* "": none */
    const char *body;                    /* length 0 with a status that has one: it was too large to be kept */
    size_t length;
};
/* DROVER_OK: it is new, and must end in store_change_end. DROVER_DUPLICATE: it was done, and answered so. DROVER_CONFLICT: it is under way;
 * DROVER_MISMATCH: this key was used for another request; DROVER_FULL: the holder has too much kept. Answers are kept for 24 h. */
typedef void store_change_begun(void *arg, enum drover_error error, const struct change_answer *answer);
void store_change_begin(struct store *store, const struct change_key *key, store_change_begun *done, void *arg);
struct change_end {
    const struct actor *actor;           /* NULL: its entry was written by the change */
    int64_t at_ms;
    const char *why;                     /* of a refusal; "": done */
    const struct change_key *key;        /* NULL: none was sent */
    bool keep;                           /* false: whoever sends the key again tries again */
    struct change_answer answer;
};
typedef void store_written(void *arg, enum drover_error error);
void store_change_end(struct store *store, const struct change_end *end, store_written *done, void *arg);

/* Entries older than the one with the id `before` ("": from the newest), newest first. What an entry does not say is NULL. */
struct audit_entry {
    const char *id, *at_ms, *who, *role, *key, *action, *target, *before, *after, *outcome, *status, *why, *request, *instance;
};
typedef void store_audit_listed(void *arg, enum drover_error error, const struct audit_entry *entries, size_t count);
void store_audit(struct store *store, const char *before, size_t limit, store_audit_listed *done, void *arg);

/* --- devices --- */

/* A device as lists show it: its record and the few upgrade fields that are kept in it. */
struct device_row {
    struct device device;
    char rollout[ID_SIZE];              /* "" when it never had an upgrade, likewise below */
    char upgrade_id[UPGRADE_ID_SIZE];
    enum upgrade_state state;           /* STATE_NONE: never had one */
    int64_t attempt;
    char from_version[VERSION_SIZE];
    char target[VERSION_SIZE];
};
struct device_filter {                  /* NULL or "" or -1: any */
    const char *model;
    const char *version;
    const char *state;                  /* name of an upgrade state; "none": never had an upgrade */
    int online;                         /* 0, 1 or -1 */
};
#define STORE_CURSOR_SIZE 48
/* At most `limit` rows; next is "" at the end. A page may hold fewer rows than asked, even none, while next is not "":
 * a call looks through a bounded number of devices. A device that is there all the time is listed at least once.
 * DROVER_SYNTAX: no cursor of ours. */
typedef void store_devices_listed(void *arg, enum drover_error error, const struct device_row *rows, size_t count, const char *next);
void store_devices(struct store *store, const struct device_filter *filter, const char *cursor, size_t limit, store_devices_listed *done, void *arg);
/* device NULL when it is unknown (DROVER_OK); upgrade->state is STATE_NONE when it never had one. */
void store_device(struct store *store, const char *device_id, store_loaded *done, void *arg);
/* The device's events, newest first, by the chain of `prev` ids; ends early where the stream was trimmed.
 * DROVER_NOT_FOUND: there is no such device. */
typedef void store_events_listed(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next);
void store_history(struct store *store, const char *device_id, size_t limit, store_events_listed *done, void *arg);
/* An online message or last will. Unknown devices are left alone. done may be NULL. */
void store_online(struct store *store, const char *device_id, bool online, int64_t at_ms, store_written *done, void *arg);
/* Devices not seen for offline_after_ms become offline, at most max a call; swept == max: call again. */
typedef void store_swept(void *arg, enum drover_error error, size_t swept);
void store_sweep_offline(struct store *store, int64_t now_ms, int64_t offline_after_ms, size_t max, store_swept *done, void *arg);

/* --- releases --- */

/* created_ms is the caller's. DROVER_OK: release is as stored, created says whether it is new; DROVER_CONFLICT: exists with other
 * content (release is the stored one). Deltas in state QUEUED are remembered as work to be done. */
typedef void store_release_added(void *arg, enum drover_error error, const struct release *release, bool created);
void store_release_add(struct store *store, const struct release *release, store_release_added *done, void *arg);
typedef void store_releases_listed(void *arg, enum drover_error error, const struct release *releases, size_t count);
/* One (DROVER_NOT_FOUND when there is none), or all of a model ("" or NULL: all models), newest first, at most 1000. */
void store_release(struct store *store, const char *model, const char *version, store_releases_listed *done, void *arg);
void store_releases(struct store *store, const char *model, store_releases_listed *done, void *arg);

/* Releases with which something is still to be done, at most max. */
enum releases_due {
    RELEASES_WANT_DELTAS,   /* some of their deltas are QUEUED */
    RELEASES_UNPROVED,      /* not verified against this trust store since since_ms, or against a newer one */
};
void store_releases_due(struct store *store, enum releases_due due, int64_t trust_version, const char *trust_sha256, int64_t since_ms, size_t max,
                        store_releases_listed *done, void *arg);
/* Deltas of the newest `releases` releases that are SKIPPED or FAILED are QUEUED again, once for each new value of `under`, a digest of what
 * deriving depends on; anyway: also when it is the one of last time. count: so many. */
typedef void store_deltas_counted(void *arg, enum drover_error error, int64_t count);
void store_deltas_again(struct store *store, const char *under, bool anyway, size_t releases, store_deltas_counted *done, void *arg);

/* One release after a change; NULL unless DROVER_OK. DROVER_NOT_FOUND. */
typedef void store_release_changed(void *arg, enum drover_error error, const struct release *release);
/* Where a delta that was QUEUED or RUNNING stands: `delta` as it shall be. DROVER_CONFLICT: it is neither any more. done may be NULL. */
void store_release_delta(struct store *store, const struct release *release, const struct release_delta *delta, store_release_changed *done, void *arg);
/* What a trust store says: trust_version, trust_sha256, verified_ms and refused of `judged` ("": it verifies); its deltas with a SHA-256
 * that are not kept any more are taken away, for good (FAILED) or to be derived again (QUEUED). DROVER_STALE: a newer trust store has judged. */
void store_release_judge(struct store *store, const struct release *judged, store_release_changed *done, void *arg);

/* --- rollouts; always with counts and release --- */

typedef void store_rollouts_listed(void *arg, enum drover_error error, const struct rollout *rollouts, size_t count);
enum rollout_list {
    ROLLOUTS_ACTIVE,      /* those that hold their model's place, newest last */
    ROLLOUTS_ENDING,      /* cancelled or superseded, with live upgrades left */
    ROLLOUTS_KNOWN,       /* active, ending and waiting together, newest last */
    ROLLOUTS_ALL,         /* all ever, newest first, at most 1000; without the plans of those that are not known */
};
void store_rollouts(struct store *store, enum rollout_list list, store_rollouts_listed *done, void *arg);
void store_rollout(struct store *store, const char *rollout_id, store_rollouts_listed *done, void *arg);  /* DROVER_NOT_FOUND */

/* The counts of its first `stages` stages. */
typedef void store_stages_read(void *arg, enum drover_error error, const struct rollout_counts *stages, size_t count);
void store_rollout_stages(struct store *store, const char *rollout_id, size_t stages, store_stages_read *done, void *arg);

/* One rollout after a change; NULL unless DROVER_OK. */
typedef void store_rollout_changed(void *arg, enum drover_error error, const struct rollout *rollout);
/* A new rollout in its first state (running; or scheduled or awaiting approval, which hold no place), revision 1, epoch created_ms.
 * DROVER_NOT_FOUND: no such release; DROVER_REFUSED: it does not verify; DROVER_DUPLICATE: the id is taken; DROVER_CONFLICT: another one holds the
 * model's place and supersede is false (a completed one is always overtaken). Writes an event of kind rollout (and one for the superseded). */
/* actor: who starts it, NULL: nobody who is known. */
void store_rollout_open(struct store *store, const struct rollout *rollout, bool supersede, const struct actor *actor, store_rollout_changed *done, void *arg);
/* One move of the table in core/rollout_fsm.def. DROVER_NOT_FOUND; DROVER_REFUSED: not possible in its state; DROVER_CONFLICT: another revision, or
 * (START) another one holds the model's place. */
struct rollout_change {
    const char *id;
    enum rollout_event on;
    enum rollout_state to;           /* as rollout_move_find says */
    int64_t expected_revision;       /* 0: any */
    const char *why;
    int64_t at_ms;
    bool supersede;                  /* START: take the place from whoever holds it */
    const struct rollout *next;      /* its position and numbers as they shall be (stage, stage_ms, approvals, share_pct, ...); NULL: unchanged */
    const struct actor *actor;       /* NULL: the engine */
    const struct plan *edited;       /* EDIT: the new plan; next->plan_revision must have risen. NULL: unchanged */
    const struct proposal *proposal; /* is carried out so, and ends with it (store_proposals.h); DROVER_CONFLICT when it is not as it was read. NULL: none */
};
void store_rollout_move(struct store *store, const struct rollout_change *change, store_rollout_changed *done, void *arg);

/* --- events --- */

/* Entries after the id `after` ("" or "0": from the first; "$": none, `next` is where it ends now), oldest first, at most limit (1000).
 * next: the id to go on from. Does not wait: the caller asks again. */
struct events_gap {                 /* entries behind `after` were trimmed: something is missing */
    char resume[STORE_CURSOR_SIZE];  /* an id after which nothing is missing */
    char first[STORE_CURSOR_SIZE];   /* the first entry that is kept; "": none is */
};
typedef void store_events_read(void *arg, enum drover_error error, const struct event *events, size_t count, const char *next,
                               const struct events_gap *gap /* NULL: nothing is missing */);
void store_events(struct store *store, const char *after, size_t limit, store_events_read *done, void *arg);
/* Appends an event that belongs to no move (kind rollout or alarm); id, prev and instance are filled in by the store. done may be NULL. */
void store_event_add(struct store *store, const struct event *event, store_written *done, void *arg);

/* Entries of a stream just as they stand there, after the id `after` ("": from the first), oldest first, at most limit (1000). NULL unless DROVER_OK. */
enum store_stream { STORE_EVENTS, STORE_SEALS, STORE_AUDIT, STORE_AUDIT_SEALS };
struct stream_entry;
typedef void store_entries_listed(void *arg, enum drover_error error, const struct stream_entry *entries, size_t count);
void store_entries(struct store *store, enum store_stream stream, const char *after, size_t limit, store_entries_listed *done, void *arg);

/* --- fleet --- */

struct version_count {
    char version[VERSION_SIZE];
    int64_t devices;
};
#define FLEET_VERSIONS_MAX 32
struct model_summary {
    char model[ID_SIZE];
    int64_t devices, online;
    int64_t states[UPGRADE_STATE_COUNT];             /* current upgrades per state */
    unsigned version_count;                          /* most used first; the rest is left out */
    struct version_count versions[FLEET_VERSIONS_MAX];
};
typedef void store_fleet_read(void *arg, enum drover_error error, int64_t devices, int64_t online, const struct model_summary *models, size_t count);
/* Models in the order of their names, at most 256. O(models), whatever the fleet's size. */
void store_fleet(struct store *store, store_fleet_read *done, void *arg);

/* --- chores --- */

/* Am I (still) the one instance that does the fleet's chores? Takes or prolongs the lease for ttl_ms. */
typedef void store_led(void *arg, enum drover_error error, bool leader);
void store_leader(struct store *store, int64_t ttl_ms, store_led *done, void *arg);
/* Gives the lease back at the end; done may be NULL. */
void store_leader_resign(struct store *store, store_written *done, void *arg);
/* One entry of drover:v1:series. done may be NULL. */
struct series_field {
    const char *name;
    int64_t value;
};
void store_series_add(struct store *store, const struct series_field *fields, size_t count, store_written *done, void *arg);
