/* A plan from JSON. */
#include "proto/plan.h"
enum drover_error plan_read(const char *bytes, size_t length, struct plan **ret_plan, struct plan_problems *ret_problems)
{ (void)bytes; (void)length; *ret_plan = NULL; ret_problems->count = 0; return DROVER_SYNTAX; }
