/* What the packages of a simulation prove to be: each is fetched and verified once, however many devices download it, through the reader that
 * devices use, in bounded memory. What depends on the device and its command is held against that. */
#pragma once

#include "proto/command.h"
#include "proto/error_code.h"
#include "sim/download.h"

struct event_base;
struct judge;

/* path: the trust store of all devices. NULL: *ret_problem says why. */
struct judge *judge_new(struct http *http, struct event_base *base, const char *path, struct problem *ret_problem);
void judge_free(struct judge *judge);   /* NULL is fine; before the http */

/* Begins to fetch the package of an order, in the name of this device, unless it is known. */
void judge_prepare(struct judge *judge, const struct command *order, const char *device);
/* E_NONE: the device may install it; otherwise what it reports, and in words. Comes once for each ask, at once when the package is known.
 * An ask that is waited for is taken back with judge_forget. */
typedef void judged(void *arg, enum error_code code, const char *text);
struct judge_device {
    const char *id, *model, *version;   /* copied */
};
void judge_ask(struct judge *judge, const struct command *order, const struct judge_device *device, judged *done, void *arg);
void judge_forget(struct judge *judge, void *arg);
