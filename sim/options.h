/* The command line of drover-sim: one table of settings makes the parser and --help. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "common/semver.h"
#include "sim/profile.h"

struct options {
    char mqtt[192], ca[160], certificates[160], username[65], password_file[160], models[160], trust[160], prefix[33], firmware[VERSION_SIZE], faulty_version[VERSION_SIZE], time_zones[256], truth[160];
    int64_t mqtt_version;              /* index of the choice 5|3.1.1 */
    int64_t keepalive_s, session_expiry_s, connections, connect_rate, window;
    int64_t devices, simple, seed;
    bool simple_says_kind;
    int64_t heartbeat_ms, heartbeat_qos, step_ms, reboot_ms, poll_ms;
    int64_t downloads, chunk_bytes;
    int64_t duration_s, until_quiet_s, stats_s;
    bool json, vanish, load, obey;
    int64_t rate, count, sent_before;
    struct profile profile;            /* of --profile and all --share */
    bool help;                         /* --help or --version was given: nothing else is to be done */
};

/* Reads argv; on failure *ret_problem says what is wrong. */
MUST_USE enum drover_error options_read(struct options *options, int argc, char **argv, struct problem *ret_problem);
void options_help(FILE *out);
