/* The behaviours of simulated devices (behaviour.def), and the steps of an upgrade at which they act. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "proto/error_code.h"
#include "proto/heartbeat.h"

enum behaviour_kind {
#define BEHAVIOUR(NAME, name, simple, number, fallback, managed_end, simple_end, text) BEHAVE_##NAME,
#include "sim/behaviour.def"
#undef BEHAVIOUR
    BEHAVIOUR_COUNT
};

enum step { STEP_NONE, STEP_ACKNOWLEDGE, STEP_DOWNLOAD, STEP_SHA, STEP_INSTALL, STEP_REBOOT, STEP_VERIFY, STEP_COUNT };

/* What one device was given. */
struct behaviour {
    enum behaviour_kind kind;
    enum step step;          /* STEP_NONE where it has no step; in a profile also: any that fits */
    int64_t number;          /* times, seconds, boots or heartbeats, see behaviour.def */
};

const char *behaviour_name(enum behaviour_kind kind);
const char *behaviour_text(enum behaviour_kind kind);
const char *behaviour_number_name(enum behaviour_kind kind);   /* "" when it takes none */
int64_t behaviour_number_default(enum behaviour_kind kind);
bool behaviour_fits_simple(enum behaviour_kind kind);
const char *step_name(enum step step);                         /* "" for STEP_NONE */
/* "name[:step[:number]]"; checks that the step is one the behaviour has. */
MUST_USE enum drover_error behaviour_read(const char *text, size_t length, struct behaviour *ret_behaviour, struct problem *ret_problem);
/* A step for a behaviour whose profile leaves it open, drawn by `random`. */
enum step behaviour_draw_step(enum behaviour_kind kind, enum device_kind device, uint64_t random);
bool behaviour_has_step(enum behaviour_kind kind, enum device_kind device, enum step step);
/* What the server should conclude of such a device. */
const char *behaviour_expect(const struct behaviour *behaviour, enum device_kind device);
