/* Passphrases and PINs: from --passphrase-file, DROVER_PASSPHRASE_FILE, or the terminal without echo. */
#pragma once

#include "cli/cli.h"
#include "firmware/key.h"

#define SECRET_SIZE 1024

/* For private_key_open. The cli must outlive it. */
struct key_secret secret_source(struct cli *cli);
/* The passphrase for a new key: *ret_wanted false when none was asked for. secret is wiped by the caller. */
enum cli_exit secret_for_new_key(struct cli *cli, char secret[SECRET_SIZE], bool *ret_wanted);
