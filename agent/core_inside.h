/* Inside the core: how its files make a move. */
#pragma once

#include "agent/core.h"

/* Starts a decision: refused, nothing changes. */
void core_begin(const struct situation *s, struct decision *ret);
void core_refuse(struct decision *ret, const char *why);
/* Makes the move out of s->record's state on top of what ret->next holds; false, and refused, when the table has none. A new state begins without
 * tries and wake time. */
bool core_make(const struct situation *s, enum core_event on, struct decision *ret);
/* The same with an error code and what was met ("": the move's own words). */
void core_fail(const struct situation *s, enum core_event on, enum error_code code, const char *what, struct decision *ret);
/* For people and for the report: printable, cut. */
void core_say_why(struct decision *ret, const char *what);
/* A clock that is wrong is told with what it says: nobody else can see it. */
void core_say_clock(const struct situation *s, const char *what, struct decision *ret);
/* True: what is downloaded of a package is kept after this outcome, because the next attempt may go on with it. */
bool core_keeps_package(enum error_code outcome);
