/* JSON bodies of requests: strict, and an unknown member is refused by name. */
#pragma once

#include "common/error.h"
#include "common/json.h"

struct http_call;

/* An absent body is read as {}. *ret_object is freed with cJSON_Delete, also when NULL. */
MUST_USE enum drover_error http_body_read(const struct http_call *call, struct cJSON **ret_object, struct problem *ret_problem);
/* DROVER_UNKNOWN when the object has a member that is not among names (NULL-terminated). */
MUST_USE enum drover_error http_body_known(const struct cJSON *object, const char *const *names, struct problem *ret_problem);
/* Reads text as a version into ret (VERSION_SIZE); `where` names it in the problem. */
MUST_USE enum drover_error http_body_version(const char *text, const char *where, char *ret, struct problem *ret_problem);
