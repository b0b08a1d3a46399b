/* The two slots of a device and how one becomes the next to boot; one back end behind five functions. Every call is synchronous, may be
 * repeated after a crash, and has reached the disk when it returns. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/semver.h"
#include "common/sha256.h"
#include "common/text.h"
#include "proto/error_code.h"

#define SLOT_PATH_SIZE 512
#define SLOT_PARTS_MAX 16

enum slot { SLOT_A, SLOT_B };
const char *slot_name(enum slot slot);   /* "a", "b" */

/* Of the other slot, while the running one is the one to stay with. */
enum slot_trial {
    SLOT_NO_TRIAL,                       /* it is not to be tried */
    SLOT_TRIAL_AHEAD,                    /* the next boot tries it (script, rauc, swupdate: or has tried it; a new boot id tells) */
    SLOT_TRIAL_SPENT,                    /* it had all its boots and was not confirmed */
};

struct slot_facts {
    enum slot running;
    bool trying;                         /* the running slot is on probation: not confirmed yet, or about to be left */
    unsigned tries_left;                 /* boots the boot loader still gives to the slot on trial */
    enum slot_trial trial;
    struct {
        bool valid;
        char version[VERSION_SIZE];      /* "" when not known */
        char manifest_sha256[SHA256_HEX_SIZE];
    } slots[2];
};

/* What the settings say; texts are owned by the caller and outlive the slots. */
struct slots_config {
    const char *backend;                 /* "file", "block", "script", "rauc", "swupdate" */
    const char *dir;                     /* file: its folder; all: where boot.state lies */
    const char *staging_dir;             /* script, rauc, swupdate: where images wait for the command */
    const char *running;                 /* "a" or "b" from the kernel's command line or the environment; "": as boot.state says */
    unsigned part_count;                 /* block: devices per part; script: parts that exist */
    struct slot_part {
        char name[ID_SIZE];
        char device[2][SLOT_PATH_SIZE];  /* block: of slot a and b */
    } parts[SLOT_PARTS_MAX];
    /* script: commands run by /bin/sh -c with DROVER_SLOT, DROVER_RUNNING, and what docs/agent-slots.md lists; "" or NULL: not needed (rauc,
     * swupdate: the tool's own). Exit codes 75 busy, 73 no space, 65 not for this device; any other but 0 is E_INSTALL. */
    const char *install_command, *switch_command, *confirm_command, *back_command;
    int64_t command_timeout_ms;          /* each; then SIGTERM, SIGKILL */
};

struct slots;
/* DROVER_NOT_FOUND, _SYNTAX, _IO, _NO_SPACE, _MEMORY with what is wrong where. Freed with slots_close (NULL is fine). A device without boot.state
 * gets one: the running slot (a, when nobody says) is good, the other invalid. When both copies of boot.state are damaged, they are set aside and
 * the same holds if config->running says what runs; otherwise DROVER_SYNTAX. script, rauc and swupdate always need config->running. */
MUST_USE enum drover_error slots_open(const struct slots_config *config, struct slots **ret_slots, struct problem *ret_problem);
void slots_close(struct slots *slots);
void slots_facts(const struct slots *slots, struct slot_facts *ret_facts);

/* From any thread: what another one does with the slots ends soon with E_CANCELLED. A command that runs gets SIGTERM, two seconds later SIGKILL; none is begun
 * until slots_go_on. */
void slots_stop(struct slots *slots);
void slots_go_on(struct slots *slots);
bool slots_is_stopped(const struct slots *slots);

/* Installing, always into the slot that does not run: begin marks it invalid; then each part is written through its fd; finish makes it valid
 * under version and manifest digest. An installation that was cut off simply begins again. E_INSTALL, E_NO_SPACE, E_INCOMPATIBLE (no such part).
 * E_BUSY from begin and switch: the running slot is on probation, the other one may be needed: confirm or go back first. */
MUST_USE enum error_code slots_begin(struct slots *slots, struct problem *ret_problem);
/* Where the part is written, readable too; the caller closes *ret_fd. size_bytes is the whole part: checked against the device, and in finish
 * against what was written. resume: keep what is there (bytes from a power cut are anything: prove them again). */
MUST_USE enum error_code slots_open_part(struct slots *slots, const char *part, int64_t size_bytes, bool resume, int *ret_fd, struct problem *ret_problem);
/* The same part of the running slot, for a delta; the caller closes it. E_DELTA_BASE when the back end cannot give it. */
MUST_USE enum error_code slots_open_base(struct slots *slots, const char *part, int *ret_fd, struct problem *ret_problem);
/* Every *ret_fd must be closed by now (RAUC wants its bundle to itself). A slot without a part that the settings name is not whole (file, block): E_INCOMPATIBLE. */
MUST_USE enum error_code slots_finish(struct slots *slots, const char *version, const char *manifest_sha256, struct problem *ret_problem);

/* The next `tries` (1 .. 99) boots try the other slot, which must be valid; then the running one again. */
MUST_USE enum error_code slots_switch(struct slots *slots, unsigned tries, struct problem *ret_problem);
/* The running slot is good: no more probation; a trial of the other slot that is still ahead is dropped. Cheap when nothing changes, but the
 * commands of script, rauc and swupdate run each time: RAUC wants to hear it after every boot. */
MUST_USE enum error_code slots_confirm(struct slots *slots, struct problem *ret_problem);
/* The next boot is the other slot, which was confirmed once and is valid. E_ROLLED_BACK when there is no way back. */
MUST_USE enum error_code slots_back(struct slots *slots, struct problem *ret_problem);

/* What a boot loader or initramfs asks (`drover-agent boot`), once a boot: counts down and says which slot to boot. Only file and block.
 * When the count cannot be written the confirmed slot is booted. DROVER_NOT_FOUND: no boot.state yet; DROVER_SYNTAX, DROVER_IO: neither copy is
 * readable. *ret_slot is then untouched, and the caller boots what the factory put in. */
MUST_USE enum drover_error slots_boot(const char *dir, enum slot *ret_slot, struct problem *ret_problem);
