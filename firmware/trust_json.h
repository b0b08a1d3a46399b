/* Inside firmware/ only: the trust document, without its signatures and with them. */
#pragma once

#include "firmware/trust.h"

#define TRUST_KIND "drover-trust"
#define TRUST_TYP "drover-trust+json"

MUST_USE enum drover_error trust_json_read(const char *bytes, size_t length, struct trust *ret_trust, struct problem *ret_problem);
/* A JWS that the threshold of its own root keys has signed. */
MUST_USE enum drover_error trust_read_signed(const char *bytes, size_t length, struct trust *ret_trust, struct problem *ret_problem);
