/* The tables of Drover's records, and reading them out of Redis' answers. */
#pragma once

#include "orchestrator/edges/record.h"
#include "orchestrator/edges/store.h"

extern const struct record_table upgrade_record;   /* of struct upgrade */
extern const struct record_table rollout_record;   /* of struct rollout, without counts per state and error */
extern const struct record_table rollout_position_record;   /* what moves and edits may change, zeros too */

/* Each returns how many values were bad, SIZE_MAX when the answer is none of its kind. */
size_t device_row_read(const struct redisReply *fields, const char *device_id, int64_t seen_ms, struct device_row *ret);
size_t upgrade_read(const struct redisReply *fields, const char *device_id, struct upgrade *ret);
size_t rollout_read(const struct redisReply *fields, const struct redisReply *release_fields, struct rollout *ret);
/* Counts of a hash `rollout:<r>:stage:<n>`; what is not there or not a number is 0. */
void rollout_counts_read(const struct redisReply *fields, struct rollout_counts *ret);
/* The current stage of a rollout, from such a hash. Nothing of a flat rollout: that has none. */
void rollout_stage_read(const struct redisReply *fields, struct rollout *rollout);
size_t release_read(const struct redisReply *fields, struct release *ret);
size_t event_entry_read(const struct redisReply *id, const struct redisReply *fields, struct event *ret);
size_t model_summary_read(const struct redisReply *name, const struct redisReply *fields, struct model_summary *ret);
/* Adds names and values of a release with its deltas. */
void release_add_fields(const struct release *release, struct redis_args *args);
/* Adds the fields of a stream entry, all of them. */
void event_add_fields(const struct event *event, struct redis_args *args);
/* "managed", "simple" or "" */
const char *device_kind_name(enum device_kind kind);
