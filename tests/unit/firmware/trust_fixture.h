/* What the tests of keys, trust and permits share: one key of each kind (made once a program), stores and signatures built in a line. */
#pragma once

#include "../common/check.h"
#include "firmware/key.h"
#include "firmware/signature.h"
#include "firmware/trust.h"
#include "proto/error_code.h"

#define NOW_MS 1800000000000
#define DAY_MS ((int64_t)86400000)
#define YEAR_MS (365 * DAY_MS)
#define ROLE(role) (1u << TRUST_##role)

/* Says which code was got, with its words, when it is not the wanted one. */
#define CHECK_CODE(got, wanted, problem, row) check_code((got), (wanted), &(problem), (row))
void check_code(enum error_code got, enum error_code wanted, const struct problem *problem, const char *row);

/* Keys that live as long as the program; the same index is the same key. */
#define KEYS_MAX 8
const struct private_key *key_of(enum key_type type, unsigned index);
const struct private_key *ed(unsigned index);   /* key_of(KEY_ED25519, index) */
void keys_done(void);

/* Adds the public half of a key; the times and the revocation are set in the entry that is returned. */
struct trust_key *store_add(struct trust *trust, const struct private_key *key, const char *name, unsigned roles);
struct signature sign(const struct private_key *key, const char *text);
/* A signed trust document or permit as text; freed with buffer_done. */
struct buffer signed_store(const struct trust *trust, const struct private_key *const *keys, unsigned count);
struct buffer text_of(const struct trust *trust);
