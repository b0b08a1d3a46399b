/* What the api_*.c files share; nobody else includes it.
 *
 * Every answer that needs the store or the flow is an `api_ask`: it owns the call until it is answered and keeps the api alive,
 * so that a callback which comes after api_free still finds both. */
#pragma once

#include "orchestrator/edges/api.h"
#include "orchestrator/edges/http_call.h"
#include "orchestrator/edges/store.h"

struct event;

#define API_NOTED_MAX 256      /* rollouts whose progress is remembered */
#define API_QUIET_MS 10000     /* nothing opened for this long: a rollout to a share of the fleet has reached whom it reaches */
#define API_LIMIT_DEFAULT 100
#define API_LIMIT_MAX 1000

/* Since when a rollout has opened nothing more. */
struct api_noted {
    char id[ID_SIZE];
    int64_t opened;
    int64_t since_ms;   /* monotonic */
};

struct api_poll;
struct api_streams;

struct api {
    struct api_config config;
    char instance[ID_SIZE];
    int64_t started_ms;            /* monotonic */
    unsigned holds;                /* the owner's, and one for each ask under way */
    bool draining;                 /* nobody may wait for events any more */
    bool closed;                   /* api_free was called: the flow may be gone */
    int64_t running;               /* rollouts that run, as last noted */
    struct api_noted noted[API_NOTED_MAX];
    struct api_poll *polls;        /* long polls that wait */
    unsigned poll_count;
    struct api_streams *streams;   /* made with the first */
};

struct api_ask {
    struct api *api;
    struct http_call *call;
    void *extra;                   /* owned; free()d with the ask */
};

/* NULL: out of memory, and the call is answered. */
struct api_ask *api_ask_new(struct api *api, struct http_call *call, size_t extra_bytes);
/* One hold less on the api, which is freed with the last. */
void api_let_go(struct api *api);
/* Answers and ends the ask. */
void api_ask_send(struct api_ask *ask, int status);
void api_ask_error(struct api_ask *ask, enum drover_error error, const char *what);
/* Ends the ask after its call was answered another way. */
void api_ask_end(struct api_ask *ask);

/* limit=, 1 .. API_LIMIT_MAX. False: answered with 400. */
bool api_limit_read(struct http_call *call, int64_t *ret_limit);
/* A text parameter that must be an id. NULL when absent. False: answered with 400. */
bool api_id_read(struct http_call *call, const char *name, const char **ret);

/* --- api_json.c: the members of the API's objects; the caller opens and closes the object --- */
void api_put_release(struct json_writer *writer, const struct release *release);
void api_put_device(struct json_writer *writer, const struct device *device);
void api_put_upgrade(struct json_writer *writer, const struct upgrade *upgrade);
void api_put_row(struct json_writer *writer, const struct device_row *row);
/* The member `"items":[{..},..]` of events. */
void api_put_events(struct json_writer *writer, const struct event *const *events, size_t count);

/* --- api_change.c: what every route that changes something has around it: If-Match, an idempotency key, an entry of the audit --- */
bool api_is_change(const struct http_route *route);
void api_change(struct api *api, struct http_call *call, void (*serve)(struct api *api, struct http_call *call));
/* Who does it, for the store; NULL when the call changes nothing. before, after, said: texts that live until the store was called, NULL: the change knows them. */
const struct actor *api_actor(const struct http_call *call);
const struct actor *api_actor_change(const struct http_call *call, const char *before, const char *after, const char *said);
/* Its script has written the entry. */
void api_change_audited(struct http_call *call);
/* "operator", or with the name of who it is: for `why`. */
const char *api_who(const struct http_call *call);

/* --- the routes; each is handed the call --- */
typedef void api_route(struct api *api, struct http_call *call);
api_route api_firmware;
api_route api_release_add, api_release_list, api_release_show;
api_route api_rollout_open, api_rollout_plan, api_rollout_edit, api_rollout_list, api_rollout_show, api_rollout_pause, api_rollout_resume, api_rollout_cancel;
api_route api_device_list, api_device_show, api_device_history, api_device_rollback;
api_route api_rollout_promote, api_rollout_approve, api_rollout_rollback, api_rollout_retry, api_rollout_exclude, api_rollout_excluded, api_rollout_include;
api_route api_stop_all, api_start_all, api_device_quarantine, api_device_readmit;
api_route api_proposal_show, api_proposal_approve, api_proposal_reject;
api_route api_device_why, api_rollout_why;
api_route api_audit, api_events, api_event_stream, api_events_raw, api_seals, api_audit_raw, api_audit_seals, api_status;

/* --- api_releases.c --- */
void api_release_answer(struct api_ask *ask, int status, const struct release *release);

/* --- api_rollout_answer.c: both end the ask; what is shown is copied --- */
void api_rollout_answer(struct api_ask *ask, int status, const struct rollout *rollout);
/* An operator has changed it: audited, into the log with who it was, and the rest of droverd is told. */
void api_rollout_changed(struct api_ask *ask, const struct rollout *rollout);
/* Its ETag, which is what If-Match compares: the revision, in which counts have no part. */
void api_rollout_etag(struct http_call *call, const struct rollout *rollout);
void api_rollouts_answer(struct api_ask *ask, const struct rollout *rollouts, size_t count, const char *next);
/* What the store refuses, in an operator's words; the rest is named by `what` and the error's own text. Ends the ask. */
void api_rollout_error(struct api_ask *ask, enum drover_error error, const char *what);

/* --- api_rollout_control.c --- */
#define API_REASON_SIZE 160
/* `why` of a state, of WHY_SIZE: who, and his reason, if he gave one; cut between two characters. */
void api_why(const struct http_call *call, const char *reason, char *ret);
/* Three texts as one such. */
void api_why_join(const char *first, const char *between, const char *second, char *ret);
/* The body {"why": ".."}, or none, as such a text. False: answered with 400. */
bool api_reason_read(struct http_call *call, char *ret_why);

/* What an operator's order would do to the rollout as it is; *ret_next, to which *ret points, borrows the plan; `why` and `actor` are the caller's to fill in.
 * False: the order is refused, and the ask is over. */
bool api_order_prepare(struct api_ask *ask, const struct rollout *rollout, enum rollout_event on, struct rollout_change *ret, struct rollout *ret_next);

/* --- api_rollout_plan.c --- */
/* The edit as a change of the rollout, and as words: `before` and `after` are the members that differ, each a JSON object. */
struct plan_change {
    struct rollout next;            /* borrows the plan */
    struct rollout_change change;
    struct buffer before, after;
};
/* plan: of this rollout; author: who made it. */
void api_plan_change_init(struct plan_change *change, const struct rollout *rollout, struct plan *plan, const char *author);
void api_plan_change_done(struct plan_change *change);
const char *api_plan_change_before(const struct plan_change *change);
const char *api_plan_change_after(const struct plan_change *change);

/* --- api_proposals.c: orders that wait for another person (core/proposal.h) --- */
struct proposal;
/* The order is kept instead of carried out; 202, with the rollout. Ends the ask. plan: of an edit, with the rollout's id; NULL: none. All are copied. */
void api_propose(struct api_ask *ask, const struct rollout *rollout, enum rollout_event on, struct plan *plan, const char *why);
/* Puts the members. plan: of an edit. */
void api_put_proposal(struct json_writer *writer, const struct rollout *rollout, const struct proposal *proposal, struct plan *plan);

/* --- api_hold.c --- */
struct stop;
/* Puts the members. */
void api_put_stop(struct json_writer *writer, const struct stop *stop);

/* --- api_permit.c --- */
/* good false: the call is answered, and `checked` ends the ask. */
typedef void api_permit_checked(struct api_ask *ask, bool good);
/* Proves a plan's permit for this rollout; "" is good. The rollout is copied. `checked` may come before it returns. */
void api_permit_check(struct api_ask *ask, const struct rollout *rollout, const char *permit, api_permit_checked *checked);

/* --- api_rollout_open.c --- */
/* The body as a plan, one reference; NULL: answered with every error. */
struct plan *api_plan_read(const struct api *api, struct http_call *call);
/* Four eyes: the server may ask every plan for approvals; and the author of a plan that asks for some (named) must be known, or he could approve it
 * himself. False: answered with 403. */
bool api_approvals_suffice(const struct api *api, struct http_call *call, int64_t approvals, bool named);
void api_plan_problems(struct http_call *call, const struct plan_problems *problems);

/* --- api_rollout_dry.c --- */
/* dry_run= and upgrade_s=. False: answered with 400. */
bool api_dry_run_read(struct http_call *call, bool *ret_dry, int64_t *ret_upgrade_s);
/* Answers with what the rollout would do; ends the ask. The rollout is copied. */
void api_rollout_dry(struct api_ask *ask, const struct rollout *rollout, int64_t upgrade_s);

/* --- api_rollout_view.c --- */
/* Puts the members. model: counts of the rollout's model, NULL when they could not be read. */
void api_put_rollout(struct json_writer *writer, struct api *api, const struct rollout *rollout, const struct model_summary *model);
/* Puts the members of one that has a plan. counts: of its first `count` stages. */
void api_put_stages(struct json_writer *writer, const struct rollout *rollout, const struct rollout_counts *counts, size_t count);

/* --- api_events.c --- */
/* Whom an event is for; NULL: any. */
struct event_filter {
    const char *rollout, *device, *kind, *model;
};
/* The call's parameters, whose texts stay the call's. False: answered with 400. */
bool api_event_filter_read(struct http_call *call, struct event_filter *ret);
bool api_event_is_wanted(const struct event_filter *filter, const struct event *event);
/* An event's id, "$" or "". */
bool api_is_event_id(const char *text);
void api_put_gap(struct json_writer *writer, const char *name, const struct events_gap *gap);

/* --- api_stream.c --- */
void api_streams_end(struct api *api);    /* lets no new one begin when the api drains */
void api_streams_free(struct api *api);   /* when nothing is under way */
void api_streams_metrics(const struct api *api, struct buffer *text);

void api_polls_end(struct api *api);
