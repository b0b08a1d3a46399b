/* For firmware/jws*.c and the bearer tokens of orchestrator/edges/jwt.c: the names of JOSE and what they are here; the two spellings of an ECDSA signature. */
#pragma once

#include "firmware/signature.h"

/* 0: not one of ours. */
enum signature_algorithm jws_algorithm_from_name(const char *alg);
const char *jws_algorithm_name(enum signature_algorithm algorithm);   /* NULL: not one of ours */
/* JOSE writes an ECDSA signature as two numbers of 32 bytes (RFC 7518, 3.4), signature.h as DER. In place; false: not such a signature. */
MUST_USE bool jws_ecdsa_to_der(struct signature *signature);
MUST_USE bool jws_ecdsa_from_der(struct signature *signature);
