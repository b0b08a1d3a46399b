/* Inside the slots: boot.state, the few lines that the boot loader's question is answered from. docs/agent-slots.md has it byte by byte. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/slots.h"

#define BOOT_STATE_BYTES 512   /* longest text */
#define BOOT_TRIES_MAX 99
#define NO_SLOT (-1)

enum slot_mark {
    SLOT_INVALID,    /* being written, or never was */
    SLOT_WRITTEN,    /* whole, but it has not proved itself */
    SLOT_GOOD,       /* ran and was confirmed; only such a slot is gone back to */
};

struct boot_state {
    int64_t sequence;      /* rises with each change; of two copies the higher one counts */
    enum slot active;      /* booted when nothing is tried */
    enum slot booted;      /* what the boot loader chose last */
    int trying;            /* enum slot, never the active one; NO_SLOT */
    unsigned tries;        /* boots that still go to it */
    struct slot_entry {
        enum slot_mark mark;
        char version[VERSION_SIZE];               /* "" when not known */
        char manifest_sha256[SHA256_HEX_SIZE];
    } slots[2];
};

/* Strict: the text must be exactly what boot_state_write makes of what it says. */
MUST_USE enum drover_error boot_state_read(const char *bytes, size_t length, struct boot_state *ret_state, struct problem *ret_problem);
/* Returns the length; the text is terminated. */
size_t boot_state_write(const struct boot_state *state, char ret_text[BOOT_STATE_BYTES]);

/* Both say the same, in the same words. */
bool boot_state_is(const struct boot_state *left, const struct boot_state *right);

/* The newer of the two copies that are whole. DROVER_NOT_FOUND: there is none. DROVER_SYNTAX: none is whole. *ret_repair: one is missing, torn
 * or older, so the state should be saved again. */
MUST_USE enum drover_error boot_state_load(int folder_fd, struct boot_state *ret_state, bool *ret_repair, struct problem *ret_problem);
/* Under the next sequence number, which is set on success only. Both copies are on disk when it returns DROVER_OK. */
MUST_USE enum drover_error boot_state_save(int folder_fd, struct boot_state *state, struct problem *ret_problem);
/* Renames both copies to .bad. */
void boot_state_set_aside(int folder_fd, const struct problem *why);

/* The boot loader's decision: which slot, and the state after it. */
enum slot boot_state_choose(struct boot_state *state);

static inline enum slot slot_other(enum slot slot)
{
    return slot == SLOT_A ? SLOT_B : SLOT_A;
}
