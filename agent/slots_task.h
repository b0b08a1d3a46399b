/* One step of the slots on a thread of its own: flash is slow, the integrator's commands are slower, and heartbeats go on. While it runs the slots
 * are its own: nobody else may call them. */
#pragma once

#include "agent/install.h"

enum slots_step { SLOTS_INSTALL, SLOTS_SWITCH, SLOTS_CONFIRM, SLOTS_BACK };

struct slots_order {                       /* what it points to is borrowed until slots_task_free */
    struct slots *slots;
    enum slots_step step;
    unsigned tries;                        /* SLOTS_SWITCH: boots of the other slot */
    struct install_job install;            /* SLOTS_INSTALL */
};

struct slots_outcome {
    enum error_code code;
    struct problem problem;                /* unless E_NONE */
    struct install_found found;            /* SLOTS_INSTALL */
};

struct slots_task;
/* NULL: no memory, no thread. */
struct slots_task *slots_task_start(const struct slots_order *order);
int slots_task_fd(const struct slots_task *task);      /* readable when it has ended */
enum slots_step slots_task_step(const struct slots_task *task);
/* NULL while it runs; the task's own. */
struct slots_outcome *slots_task_outcome(struct slots_task *task);
/* Asks it to end, and returns at once: E_CANCELLED follows within some three seconds, unless it was just ready. */
void slots_task_stop(struct slots_task *task);
/* Stops it, waits for its end and frees it. NULL is fine. */
void slots_task_free(struct slots_task *task);
