/* The keys and trust documents that options name, opened. */
#pragma once

#include "cli/cli.h"
#include "firmware/package_head.h"
#include "firmware/recipient.h"
#include "firmware/signature.h"
#include "firmware/trust.h"

#define KEYS_MAX 16         /* of one option; see options.def */

/* A whole small file; over the limit is refused. On failure it has been reported, and the buffer is freed. */
enum cli_exit small_file_read(struct cli *cli, const char *path, size_t limit, struct buffer *ret_bytes);

/* The private keys of --key or --sign-with. */
struct signers {
    unsigned count;
    struct private_key *keys[KEYS_MAX];
};
/* On failure it has been reported; signers_close is due on every path. */
enum cli_exit signers_open(struct cli *cli, enum option_id option, struct signers *ret_signers);
void signers_close(struct signers *signers);
/* --algorithm; 0: each key's usual one. */
enum signature_algorithm signing_algorithm(const struct cli *cli);

enum cli_exit public_key_open(struct cli *cli, const char *path, struct public_key **ret_key);

/* --decrypt-key: private keys and model keys, told apart by what is in the file. */
struct decrypt_keys {
    struct recipient_keys keys;      /* points into this; do not copy */
    uint8_t model_keys[KEYS_MAX][CONTENT_KEY_BYTES];
    struct private_key *private_keys[KEYS_MAX];
};
enum cli_exit decrypt_keys_open(struct cli *cli, struct decrypt_keys *ret_keys);
void decrypt_keys_close(struct decrypt_keys *keys);
/* NULL when none were given. */
const struct recipient_keys *decrypt_keys_use(const struct decrypt_keys *keys);

/* Whom to believe: --trust, or a store made of the --public-key's, one of which must have signed. Freed with trust_done on every path. */
bool trust_given(const struct cli *cli);
enum cli_exit trust_open(struct cli *cli, struct trust *ret_trust);
/* The same, into the policy, for commands that can do without; the user is told then. */
enum cli_exit trust_open_noted(struct cli *cli, struct trust *ret_trust, struct package_policy *policy);
