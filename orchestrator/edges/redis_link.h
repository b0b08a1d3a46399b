/* The one connection to Redis on the event loop: RESP2 over a libevent bufferevent, replies read by hiredis.
 *
 * It connects, logs in, selects the database, checks drover:schema, loads the scripts, and only then takes requests.
 * When the connection is lost every outstanding request ends, and it connects again with backoff and jitter, for ever.
 * A watchdog drops a connection whose oldest outstanding request is older than `timeout_ms` (Redis frozen, network gone).
 *
 * A request's callback comes exactly once, on the loop, never from inside the call that made the request:
 *   DROVER_OK            reply is set
 *   DROVER_UNAVAILABLE   not connected, lost, deadline passed (outcome unknown), or Redis is loading or busy
 *   DROVER_STORE         Redis refused: read-only, out of memory, disk error, script error, no permission; see `text`
 *   DROVER_FULL          too many requests or bytes outstanding: nothing was sent
 *   DROVER_MEMORY        no memory to send it
 * Requests are answered in the order in which they were made. The program must ignore SIGPIPE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct event_base;
struct redisReply;
struct redis_link;

struct redis_link_config {
    struct event_base *base;
    const char *url;              /* "unix:///path[?db=N]" or "redis://host[:port][/db]" */
    const char *username;         /* NULL or "": the default user */
    const char *password;         /* NULL or "": no AUTH */
    int64_t timeout_ms;           /* 0: 5000 */
    size_t requests_max;          /* outstanding; 0: 4096 */
    size_t bytes_max;             /* of outstanding requests; 0: 64 MiB */
    int64_t backoff_base_ms;      /* 0: 100 */
    int64_t backoff_cap_ms;       /* 0: 5000 */
    /* Connected and ready (why "") or lost (why says it); lost comes once per connection that was ready, before the
     * callbacks of its requests. A failed try to connect is reported as lost too, once per change of the reason. NULL is fine. */
    void (*changed)(void *arg, bool ready, const char *why);
    void *arg;
};

/* Checks the configuration; bad values are DROVER_SYNTAX/DROVER_RANGE with what and where. Nothing happens before redis_link_start. */
MUST_USE enum drover_error redis_link_new(const struct redis_link_config *config, struct redis_link **ret_link, struct problem *ret_problem);
void redis_link_start(struct redis_link *link);
/* Ends every outstanding request with DROVER_UNAVAILABLE and frees; never called from inside a callback of this link. NULL is fine. */
void redis_link_free(struct redis_link *link);

bool redis_link_is_ready(const struct redis_link *link);
/* Why it is not ready: "connection refused", "drover:schema has version 2, ...". "" when it is. */
const char *redis_link_why(const struct redis_link *link);
/* The loop that its callbacks come on. */
struct event_base *redis_link_base(const struct redis_link *link);
size_t redis_link_outstanding(const struct redis_link *link);

/* reply: only with DROVER_OK, valid until the callback returns. text: never NULL, what Redis said or what happened. */
typedef void redis_replied(void *arg, enum drover_error error, const struct redisReply *reply, const char *text);

/* One command. argvlen NULL: the arguments are strings. deadline_ms: how long to wait for the answer, 0: the link's timeout. */
void redis_link_call(struct redis_link *link, int argc, const char *const *argv, const size_t *argvlen,
                     redis_replied *replied, void *arg, int64_t deadline_ms);
/* The same for a command that is already RESP bytes (redis_args.h); they are copied. */
void redis_link_send(struct redis_link *link, const char *bytes, size_t length, redis_replied *replied, void *arg, int64_t deadline_ms);
/* The same for a whole transaction, MULTI to EXEC, of so many commands: the answer is EXEC's, the others are thrown away. */
void redis_link_send_exec(struct redis_link *link, const char *bytes, size_t length, unsigned commands, redis_replied *replied, void *arg, int64_t deadline_ms);

struct redis_link_counters {
    uint64_t commands;            /* sent */
    uint64_t replies;
    uint64_t bytes_out, bytes_in;
    uint64_t connects;            /* times it became ready */
    uint64_t connect_failures;
    uint64_t losses;              /* ready connections lost */
    uint64_t watchdog;            /* of these: dropped because Redis did not answer */
    uint64_t timeouts;            /* requests whose own deadline passed */
    uint64_t refused;             /* not sent: not connected or full */
    uint64_t errors_readonly, errors_oom, errors_script, errors_busy, errors_other;
    uint64_t noscript;            /* scripts that had to be loaded again */
    int64_t last_us, max_us;      /* answer times; max since the last redis_link_counters call with reset */
};
/* reset_max: starts a new maximum. */
struct redis_link_counters redis_link_counters(struct redis_link *link, bool reset_max);
