/* Inside the slots: what a back end does for the slots, and the struct they share. slots*.c keep boot.state and the order of steps; a back end
 * knows where bytes go. */
#pragma once

#include <stdatomic.h>

#include "agent/slots.h"
#include "agent/slots_boot_state.h"

/* A part that was opened in this installation. The fd is a duplicate of the caller's, so that a write that failed later is still noticed. */
struct slot_written {
    char name[ID_SIZE];
    int fd;                  /* -1: synced, checked and closed */
    int64_t size_bytes;
};

struct slots {
    struct slots_config config;
    const struct slots_backend *backend;
    int folder_fd;                    /* of config.dir */
    int target_fd;                    /* file: folder of the slot being written; script: the staging folder; otherwise -1 */
    struct boot_state state;          /* as on disk */
    enum slot running;
    bool begun;
    atomic_bool stopped;              /* and then stop_fd is readable: for a thread that waits for a command */
    int stop_fd;
    unsigned written_count;
    struct slot_written written[SLOT_PARTS_MAX];
};

/* The commands of a tool that does the work itself; the integrator's settings win over them. */
struct slots_preset {
    const char *suffix;               /* of a staged file's name: ".raucb" */
    const char *install, *switch_to, *confirm, *back;
};

/* What a back end does. */
struct slots_calls {
    /* Checks the settings and makes what must exist. */
    enum drover_error (*open)(struct slots *slots, struct problem *ret_problem);
    enum error_code (*open_part)(struct slots *slots, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem);
    enum error_code (*open_base)(struct slots *slots, const char *part, int *ret_fd, struct problem *ret_problem);
    /* All parts are written and synced: brings them to their place, on disk. */
    enum error_code (*settle)(struct slots *slots, const char *version, struct problem *ret_problem);
    /* NULL where boot.state says it all; each may be repeated. switch_to runs after boot.state was changed, the others before: whenever the boot
     * loader may try a slot, boot.state knows of it. */
    enum error_code (*switch_to)(struct slots *slots, enum slot slot, unsigned tries, struct problem *ret_problem);
    enum error_code (*confirm)(struct slots *slots, enum slot slot, struct problem *ret_problem);
    enum error_code (*back)(struct slots *slots, enum slot slot, struct problem *ret_problem);
    /* The installation counts; what was staged may go. NULL: nothing was. */
    void (*discard)(struct slots *slots);
};

struct slots_backend {
    const char *name;
    bool asks_boot_state;             /* the boot loader asks slots_boot; otherwise the integrator's commands tell it */
    bool exact_size;                  /* a part is a file that ends where the part ends */
    bool needs_all_parts;             /* a slot without one of the parts of the settings is not whole */
    const struct slots_preset *preset;
    const struct slots_calls *calls;
};

extern const struct slots_backend slots_file, slots_block, slots_script, slots_rauc, slots_swupdate;

/* Closes what slots.c keeps open of the parts. */
void slots_release(struct slots *slots);
/* E_NO_SPACE for a full disk, otherwise E_INSTALL. */
enum error_code slots_code(enum drover_error error);
/* As durable_failed, as an error code. */
enum error_code slots_failed(const char *part, const char *what, struct problem *ret_problem);
/* Says what is wrong where; returns code. */
enum error_code slots_refuse(enum error_code code, const char *where, const char *what, struct problem *ret_problem);
/* On disk first, then in slots->state. */
MUST_USE enum error_code slots_state_save(struct slots *slots, struct boot_state *next, struct problem *ret_problem);
/* E_BUSY on probation: the other slot is the way back, nobody writes to it. */
MUST_USE enum error_code slots_probation_check(const struct slots *slots, struct problem *ret_problem);
/* The integrator's boot loader is told to stay, when it may still mean to try the other slot. */
MUST_USE enum error_code slots_trial_drop(struct slots *slots, struct problem *ret_problem);
/* The part of that name in the settings; NULL. */
const struct slot_part *slots_part(const struct slots *slots, const char *part);

/* script, rauc and swupdate differ in their commands only. */
extern const struct slots_calls script_calls;

/* Shared by file and script: a file of that size in target_fd, empty or with what it had; room for it is taken at once. */
enum error_code slots_open_file(struct slots *slots, const char *name, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem);
