/* `facts` of an entry of drover:v1:events: what its script wrote besides what the other fields say, so that everything that is counted and planned follows
 * from the log. JSON, or "-" for nothing:
 *
 *   {"set":["share_pct","100",...],"unset":["refused",...],"stratum":"rev-a","plan":{...},"plan_bytes":40000}
 *
 * set: names and values of hash fields, in turns; of a rollout, a release, or an upgrade that is opened. unset: fields that are gone. stratum: in which an
 * upgrade was counted by its stage. plan: of a rollout that is opened or edited, just as it is kept; one that is longer than an entry takes is named by
 * its length (and the rollout's plan_sha256 in `set`). Written by redis-scripts/lib/facts.lua; not in what exporters and MQTT send. */
#pragma once

#include "common/error.h"
#include "common/json.h"
#include "proto/stream_entry.h"

#define FACTS_BYTES_MAX (64u << 10)      /* longest */
#define FACTS_NAME_SIZE 128
#define FACTS_VALUE_SIZE 512

struct event_facts {
    bool known;                          /* the entry has the field: an entry of an older Drover has not */
    struct json_array set, unset;        /* to be walked with the functions below */
    char stratum[FACTS_NAME_SIZE];       /* "": none */
    const char *plan;                    /* JSON; NULL: none. Points into the entry */
    size_t plan_length;
    int64_t plan_bytes;                  /* of one that is not here; 0: there is none */
};

/* DROVER_SYNTAX, DROVER_TOO_LONG or what json.h says: every name and value was checked, so that walking cannot fail. Borrows from the entry. */
MUST_USE enum drover_error event_facts_read(const struct stream_entry *entry, struct event_facts *ret_facts, struct problem *ret_problem);
/* The next pair of `set`; the next name of `unset`. False: that was all. */
bool event_facts_next_set(struct event_facts *facts, char ret_name[FACTS_NAME_SIZE], char ret_value[FACTS_VALUE_SIZE]);
bool event_facts_next_unset(struct event_facts *facts, char ret_name[FACTS_NAME_SIZE]);
