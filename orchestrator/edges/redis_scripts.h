/* The scripts of redis-scripts/, embedded by the build, called by their SHA-1; one that Redis has forgotten is loaded again
 * and the call repeated. The enum and the sources are generated: one Lua file, one SCRIPT_<NAME>. */
#pragma once

#include "orchestrator/edges/redis_args.h"
#include "orchestrator/edges/redis_link.h"
#include "redis-scripts/scripts.h"   /* enum redis_script, generated */

#define SHA1_HEX_SIZE 41

const char *redis_script_name(enum redis_script script);     /* "upgrade_move" */
const char *redis_script_source(enum redis_script script, size_t *ret_length);
const char *redis_script_sha1(enum redis_script script);     /* computed once, at the first call */

/* Begins EVALSHA <sha> <key_count>: the caller adds the keys, then the arguments. */
void redis_script_begin(struct redis_args *args, enum redis_script script, unsigned key_count);
/* Sends it; the callback follows the rules of redis_link.h. args may be reused when the call has returned. */
void redis_script_call(struct redis_link *link, enum redis_script script, struct redis_args *args,
                       redis_replied *replied, void *arg, int64_t deadline_ms);
