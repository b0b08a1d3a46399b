/* A small table of answers; the one that was used longest ago makes room. */
#include "orchestrator/edges/release_proofs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "firmware/format.h"
#include "orchestrator/core/policy.h"

#define PROOFS_MAX 256
#define FRESH_MS (10 * 60 * 1000)   /* keys and packages expire */
#define BROKEN_MS 5000              /* a worker that broke says nothing of the package */

struct entry {
    char sha256[SHA256_HEX_SIZE];   /* "": this place is free */
    struct worker_answer answer;
    bool known;
    int64_t known_ms;               /* monotonic */
    uint64_t used;                  /* larger: used later */
};

struct proofs {
    struct worker_pool *pool;
    char data_dir[WORKER_PATH_SIZE];
    int64_t trust_version;
    char trust_sha256[SHA256_HEX_SIZE];
    uint64_t clock;
    struct entry entries[PROOFS_MAX];
};

static void answered(void *arg, const struct worker_answer *answer);

struct proofs *proofs_new(struct worker_pool *pool, const char *data_dir)
{
    struct proofs *proofs = calloc(1, sizeof *proofs);

    if (!proofs)
        return NULL;
    proofs->pool = pool;
    proofs->trust_version = TRUST_VERSION_NONE;
    (void)text_copy(proofs->data_dir, sizeof proofs->data_dir, data_dir);
    return proofs;
}

void proofs_free(struct proofs *proofs)
{
    free(proofs);
}

bool proofs_set_trust(struct proofs *proofs, const char *text, size_t length, int64_t version, const char *trust_sha256)
{
    if (!worker_pool_set_trust(proofs->pool, text, length, trust_sha256))
        return false;
    proofs->trust_version = length ? version : TRUST_VERSION_NONE;
    (void)text_copy(proofs->trust_sha256, sizeof proofs->trust_sha256, trust_sha256);
    return true;
}

bool proofs_have_trust(const struct proofs *proofs)
{
    return proofs->trust_version != TRUST_VERSION_NONE;
}

int64_t proofs_trust_version(const struct proofs *proofs)
{
    return proofs->trust_version;
}

const char *proofs_trust_sha256(const struct proofs *proofs)
{
    return proofs->trust_sha256;
}

/* --- asking --- */

static struct entry *entry_find(struct proofs *proofs, const char *sha256)
{
    for (unsigned i = 0; i < PROOFS_MAX; i++)
        if (strcmp(proofs->entries[i].sha256, sha256) == 0)
            return &proofs->entries[i];
    return NULL;
}

static bool entry_is_old(const struct proofs *proofs, const struct entry *entry)
{
    int64_t fresh_ms = entry->answer.broken ? BROKEN_MS : FRESH_MS;

    return entry->known && (clock_mono_ms() - entry->known_ms > fresh_ms || strcmp(entry->answer.trust_sha256, proofs->trust_sha256) != 0);
}

/* A free place or the known one used longest ago; NULL: all are being worked on. */
static struct entry *entry_make(struct proofs *proofs)
{
    struct entry *oldest = NULL;

    for (unsigned i = 0; i < PROOFS_MAX; i++) {
        struct entry *entry = &proofs->entries[i];

        if (!entry->sha256[0])
            return entry;
        if (entry->known && (!oldest || entry->used < oldest->used))
            oldest = entry;
    }
    return oldest;
}

static enum proof entry_begin(struct proofs *proofs, struct entry *entry, const char *sha256)
{
    struct worker_task task = {.job = WORKER_VERIFY};

    if (!entry)
        return PROOF_FULL;
    (void)text_copy(task.sha256, sizeof task.sha256, sha256);
    (void)text_copy(task.data_dir, sizeof task.data_dir, proofs->data_dir);
    *entry = (struct entry){.used = ++proofs->clock};
    if (!worker_pool_ask(proofs->pool, &task, answered, entry))
        return PROOF_FULL;
    (void)text_copy(entry->sha256, sizeof entry->sha256, sha256);
    return PROOF_UNDER_WAY;
}

/* An entry that is being worked on keeps its place, so that it may be the argument. */
static void answered(void *arg, const struct worker_answer *answer)
{
    struct entry *entry = arg;

    entry->answer = *answer;
    entry->known = true;
    entry->known_ms = clock_mono_ms();
}

enum proof proofs_ask(struct proofs *proofs, const char *sha256, const struct worker_answer **ret_answer)
{
    struct entry *entry = entry_find(proofs, sha256);

    if (!entry || entry_is_old(proofs, entry))
        return entry_begin(proofs, entry ? entry : entry_make(proofs), sha256);
    entry->used = ++proofs->clock;
    if (!entry->known)
        return PROOF_UNDER_WAY;
    *ret_answer = &entry->answer;
    return PROOF_KNOWN;
}

enum proof proofs_ask_all(struct proofs *proofs, const struct release *release)
{
    const struct worker_answer *answer;
    enum proof worst = proofs_ask(proofs, release->sha256, &answer);

    for (unsigned i = 0; i < release->delta_count; i++) {
        enum proof proof = release_delta_is_kept(&release->deltas[i]) ? proofs_ask(proofs, release->deltas[i].sha256, &answer) : PROOF_KNOWN;

        worst = proof > worst ? proof : worst;
    }
    return worst;
}

/* --- what the answers say together --- */

/* Known, because proofs_ask_all said so in the same turn of the loop. */
static const struct worker_answer *known(struct proofs *proofs, const char *sha256)
{
    return &entry_find(proofs, sha256)->answer;
}

static enum error_code answer_pass(const struct worker_answer *answer, struct problem *ret_problem)
{
    return answer->code ? package_refuse(ret_problem, answer->code, answer->where, "%s", answer->what) : E_NONE;
}

/* An empty wish is any; afterwards it is what the package says. */
static bool text_agrees(char *wish, size_t size, const char *is)
{
    return wish[0] ? strcmp(wish, is) == 0 : text_copy(wish, size, is);
}

static enum error_code full_fill(const struct worker_answer *answer, struct release *release, struct problem *ret_problem)
{
    enum error_code code = answer_pass(answer, ret_problem);

    if (code)
        return code;
    if (answer->delta)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "sha256", "a delta from %.40s: a release begins with its full package", answer->base_version);
    if (!text_agrees(release->model, sizeof release->model, answer->model))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "model", "the package is for %.60s", answer->model);
    if (!text_agrees(release->version, sizeof release->version, answer->version))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "version", "the package holds %.60s", answer->version);
    memcpy(release->manifest_sha256, answer->manifest_sha256, sizeof release->manifest_sha256);
    memcpy(release->min_version, answer->min_version, sizeof release->min_version);
    memcpy(release->hw_revs, answer->hw_revs, sizeof release->hw_revs);
    release->release_counter = answer->release_counter;
    release->expires_ms = answer->expires_ms;
    release->encrypted = answer->encrypted;
    return E_NONE;
}

static enum error_code delta_fill(const struct worker_answer *answer, const struct release *release, struct release_delta *delta, struct problem *ret_problem)
{
    enum error_code code = answer_pass(answer, ret_problem);

    if (code)
        return code;
    if (!answer->delta)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "deltas", "%.16s... is a full package", delta->sha256);
    if (strcmp(answer->manifest_sha256, release->manifest_sha256) != 0)
        return package_refuse(ret_problem, E_SHA256, "deltas", "%.16s... leads to another manifest than the full package", delta->sha256);
    if (!text_agrees(delta->base_version, sizeof delta->base_version, answer->base_version))
        return package_refuse(ret_problem, E_DELTA_BASE, "base_version", "the delta was made from %.60s", answer->base_version);
    if (strcmp(delta->base_version, release->version) == 0)
        return package_refuse(ret_problem, E_DELTA_BASE, "base_version", "a delta from the version to itself");
    for (const struct release_delta *before = release->deltas; before < delta; before++)
        if (strcmp(before->base_version, delta->base_version) == 0)
            return package_refuse(ret_problem, E_DELTA_BASE, "base_version", "two deltas for %.60s", delta->base_version);
    return E_NONE;
}

static void trust_note(const struct proofs *proofs, struct release *release)
{
    release->trust_version = proofs->trust_version;
    memcpy(release->trust_sha256, proofs->trust_sha256, sizeof release->trust_sha256);
}

enum error_code proofs_fill(struct proofs *proofs, struct release *release, struct problem *ret_problem)
{
    enum error_code code = full_fill(known(proofs, release->sha256), release, ret_problem);

    for (unsigned i = 0; i < release->delta_count && !code; i++)
        if (release_delta_is_kept(&release->deltas[i]))
            code = delta_fill(known(proofs, release->deltas[i].sha256), release, &release->deltas[i], ret_problem);
    trust_note(proofs, release);
    return code;
}

static bool any_broken(struct proofs *proofs, const struct release *release)
{
    bool broken = known(proofs, release->sha256)->broken;

    for (unsigned i = 0; i < release->delta_count; i++)
        broken = broken || (release_delta_is_kept(&release->deltas[i]) && known(proofs, release->deltas[i].sha256)->broken);
    return broken;
}

static void verdict_write(char *ret, size_t size, enum error_code code, const struct problem *problem)
{
    char text[sizeof problem->where + sizeof problem->what + 32];

    (void)snprintf(text, sizeof text, "%s: %s: %s", error_code_name(code), problem->where, problem->what);
    (void)snprintf(ret, size, "%.*s", (int)size - 1, code ? text : "");
}

bool proofs_judge(struct proofs *proofs, struct release *release)
{
    struct problem problem;
    enum error_code code;

    if (any_broken(proofs, release))
        return false;
    code = full_fill(known(proofs, release->sha256), release, &problem);
    verdict_write(release->refused, sizeof release->refused, code, &problem);
    for (unsigned i = 0; i < release->delta_count && !code; i++) {
        struct release_delta *delta = &release->deltas[i];
        enum error_code of_delta = release_delta_is_kept(delta) ? delta_fill(known(proofs, delta->sha256), release, delta, &problem) : E_NONE;

        if (!of_delta)
            continue;
        delta->state = RELEASE_DELTA_FAILED;
        verdict_write(delta->why, sizeof delta->why, of_delta, &problem);
    }
    trust_note(proofs, release);
    return true;
}
