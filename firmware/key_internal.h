/* Inside firmware/key*.c and pkcs11.c only: what a key is made of. */
#pragma once

#include <openssl/evp.h>

#include "firmware/key.h"

struct public_key {
    EVP_PKEY *evp;              /* owned; always in OpenSSL's own provider */
    enum key_type type;
    uint8_t id[KEY_ID_BYTES];
};

struct private_key {
    EVP_PKEY *evp;              /* owned; with in_token only a handle, used through the pkcs11 engine */
    struct public_key *public;  /* owned */
    bool in_token;
};

/* Takes a parsed key (freed on failure too): its public half is checked and named. `where` is what a problem says. */
MUST_USE enum drover_error private_key_take(EVP_PKEY *evp, bool in_token, const char *where, struct private_key **ret_key, struct problem *ret_problem);
