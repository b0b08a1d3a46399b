/* update/<model>/<id>: the command for one device. Written by Drover, read by agents and the simulator. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/semver.h"
#include "common/sha256.h"
#include "common/text.h"
#include "proto/report.h"

#define URL_SIZE 512
#define COMMAND_PERMIT_SIZE 4097   /* a signed permit (firmware/permit.h) of at most 4 KiB */

enum command_kind { COMMAND_UPDATE, COMMAND_CANCEL, COMMAND_ROLLBACK };

struct command {
    enum command_kind kind;                 /* "command": update, cancel, rollback */
    char upgrade_id[UPGRADE_ID_SIZE];
    char rollout[ID_SIZE];
    int64_t attempt;
    char version[VERSION_SIZE];             /* the target; for a rollback the version to go back to */
    int64_t deadline_ms;                    /* unix ms; 0: none */
    /* update only: */
    char url[URL_SIZE];
    int64_t size_bytes;                     /* "size" */
    char sha256[SHA256_HEX_SIZE];
    char manifest_sha256[SHA256_HEX_SIZE];  /* of the signed manifest; the same for the full package and its deltas */
    bool delta;
    char base_version[VERSION_SIZE];        /* of a delta */
    int64_t install_after_ms;               /* unix ms; the installation, and with it the reboot, begins not before this, and ... */
    int64_t install_before_ms;              /* ... before this; 0: as soon as it likes */
    /* rollback only: */
    const char *permit;                     /* JWS, to be written; borrowed; NULL or "": none. Reading leaves it NULL: see command_read_permit */
};

MUST_USE enum drover_error command_read(const char *bytes, size_t length, struct command *ret_command, struct problem *ret_problem);
/* The permit of a command that was read well; "" when it has none. A device asks for it only when it needs one: it is as long as ten commands. */
void command_read_permit(const char *bytes, size_t length, char ret[COMMAND_PERMIT_SIZE]);
void command_write(const struct command *command, struct buffer *buffer);
