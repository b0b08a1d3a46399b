/* Who asks? One call for an HTTP request: looks at Authorization and goes to jwt.h or request_signature.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/edges/jwt.h"
#include "orchestrator/edges/request_signature.h"

struct auth_settings {
    struct jwt_settings tokens;
    struct request_settings requests;
};

struct auth_identity {
    char subject[ID_SIZE];
    char key_id[ID_SIZE];
    enum auth_role role;
    bool has_nonce;               /* a signed request: it counts only when nonce_take has taken the nonce */
    struct nonce_claim nonce;
};

struct auth_checker;   /* one a thread */
MUST_USE enum drover_error auth_checker_new(struct auth_ring *ring, const struct auth_settings *settings, struct auth_checker **ret_checker);
void auth_checker_free(struct auth_checker *checker);   /* NULL is fine */
struct jwt_counters auth_checker_counters(const struct auth_checker *checker);

/* authorization: the header's value, NULL when there is none (DROVER_MISSING). Other errors as in jwt.h; DROVER_UNKNOWN also for a scheme that
 * is none of ours. *ret_identity is written only on success. */
MUST_USE enum drover_error auth_check(struct auth_checker *checker, const char *authorization, const struct request_to_sign *request,
                                      int64_t now_ms, struct auth_identity *ret_identity, struct problem *ret_problem);
