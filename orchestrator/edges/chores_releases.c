/* The leader's chores about releases: verifies them again when the trust store is another one, pauses rollouts of what does not verify
 * any more, has the wanted deltas derived. What is left to do stands in Redis, so that it goes on after any end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/chores_inside.h"
#include "orchestrator/edges/must_alloc.h"

#define AT_A_TIME 16
#define UNDER_WAY_MS 100   /* looked at again while a worker verifies */

/* --- verified again --- */

static void judged(void *arg, enum drover_error error, const struct release *release)
{
    struct chores *chores = arg;

    if (error && error != DROVER_STALE)
        log_event(LOG_WARN, "release_not_judged", LOG_TEXT("why", drover_error_text(error)));
    if (error)
        return;
    chores->counters.releases_judged++;
    if (!release->refused[0]) {
        log_event(LOG_INFO, "release_verified", LOG_TEXT("model", release->model), LOG_TEXT("version", release->version));
        return;
    }
    chores->counters.releases_refused++;
    log_event(LOG_ERROR, "release_refused", LOG_TEXT("model", release->model), LOG_TEXT("version", release->version), LOG_TEXT("why", release->refused));
    chores_rollouts_changed(chores);
}

static void unproved_read(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct chores *chores = arg;
    size_t waiting = 0;

    for (size_t i = 0; i < count && !error; i++) {
        struct release release = releases[i];

        waiting++;
        if (proofs_ask_all(chores->config.proofs, &release) == PROOF_KNOWN && proofs_judge(chores->config.proofs, &release))
            store_release_judge(chores->config.store, &release, judged, chores);
    }
    chore_finish(&chores->chores[CHORE_PROOFS], error, waiting ? UNDER_WAY_MS : -1);
}

void chores_prove_releases(void *arg)
{
    struct chores *chores = arg;
    const struct proofs *proofs = chores->config.proofs;

    if (chores_is_leader(chores) && proofs_have_trust(proofs))
        store_releases_due(chores->config.store, RELEASES_UNPROVED, proofs_trust_version(proofs), proofs_trust_sha256(proofs), AT_A_TIME,
                           unproved_read, chores);
    else
        chore_finish(&chores->chores[CHORE_PROOFS], DROVER_OK, -1);
}

void chores_releases_changed(struct chores *chores)
{
    chore_now(&chores->chores[CHORE_PROOFS]);
    chore_now(&chores->chores[CHORE_DELTAS]);
}

/* --- rollouts of what does not verify --- */

static void flawed_paused(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct chores *chores = arg;

    chores->pauses_open--;
    if (error) { /* changed meanwhile, or Redis away: the next reading decides again */
        log_event(LOG_WARN, "release_pause_failed", LOG_TEXT("why", drover_error_text(error)));
    } else {
        chores->counters.release_pauses++;
        chores_say_paused(chores, rollout, "release_refused");
    }
    chores_rollouts_changed(chores);
}

void chores_watch_releases(struct chores *chores, const struct rollout *rollouts, size_t count)
{
    if (!chores_is_leader(chores) || chores->pauses_open)
        return;
    for (size_t i = 0; i < count; i++) {
        const char *flaw = release_flaw(&rollouts[i].release);

        if (rollouts[i].state != ROLLOUT_RUNNING || !flaw)
            continue;
        chores->pauses_open++;
        store_rollout_move(chores->config.store, rollouts[i].id, ROLLOUT_PAUSED, rollouts[i].revision, flaw, clock_unix_ms(), flawed_paused, chores);
    }
}

/* --- deltas --- */

/* One delta on its way: from the choice to the word in Redis. */
struct derivation {
    struct derivation *next;
    struct chores *chores;
    struct release release;
    struct release_delta delta;
};

static void base_read(void *arg, enum drover_error error, const struct release *releases, size_t count);   /* 2 from which package */
static void derived(void *arg, const struct worker_answer *answer);                                       /* 3 a worker did it     */
static void delta_written(void *arg, enum drover_error error, const struct release *release);             /* 4 it is in Redis      */

static void derivation_end(struct derivation *derivation)
{
    struct derivation **at = &derivation->chores->derivations;

    while (*at != derivation)
        at = &(*at)->next;
    *at = derivation->next;
    derivation->chores->derivation_count--;
    free(derivation);
}

void chores_derivations_free(struct chores *chores)
{
    while (chores->derivations)
        derivation_end(chores->derivations);
}

static bool is_under_way(const struct chores *chores, const struct release *release, const char *base_version)
{
    for (const struct derivation *at = chores->derivations; at; at = at->next)
        if (strcmp(at->release.model, release->model) == 0 && strcmp(at->release.version, release->version) == 0 &&
            strcmp(at->delta.base_version, base_version) == 0)
            return true;
    return false;
}

/* The first delta that nobody works on; NULL: there is none. What stands as running in Redis and not here was begun by a droverd that
 * is no more, or leads no more. */
static const struct release_delta *delta_choose(const struct chores *chores, const struct release *release)
{
    for (unsigned i = 0; i < release->delta_count; i++)
        if (release_delta_is_open(&release->deltas[i]) && !is_under_way(chores, release, release->deltas[i].base_version))
            return &release->deltas[i];
    return NULL;
}

/* 1 */
static void wanting_read(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct chores *chores = arg;
    const struct release_delta *delta = NULL;
    size_t i;

    for (i = 0; i < count && !error && !delta; i++)
        delta = delta_choose(chores, &releases[i]);
    if (!delta) {
        chore_finish(&chores->chores[CHORE_DELTAS], error, -1);
        return;
    }
    struct derivation *derivation = must_calloc(1, sizeof *derivation);
    *derivation = (struct derivation){.next = chores->derivations, .chores = chores, .release = releases[i - 1], .delta = *delta};
    chores->derivations = derivation;
    chores->derivation_count++;
    store_release(chores->config.store, derivation->release.model, delta->base_version, base_read, derivation);
}

void chores_derive_deltas(void *arg)
{
    struct chores *chores = arg;
    bool place = chores->derivation_count < (size_t)chores->config.settings->release_workers;

    if (chores_is_leader(chores) && place && proofs_have_trust(chores->config.proofs))
        store_releases_due(chores->config.store, RELEASES_WANT_DELTAS, 0, "", AT_A_TIME, wanting_read, chores);
    else
        chore_finish(&chores->chores[CHORE_DELTAS], DROVER_OK, -1);
}

static void delta_write(struct derivation *derivation, enum release_delta_state state, const char *why)
{
    struct release_delta *delta = &derivation->delta;

    delta->state = state;
    (void)snprintf(delta->why, sizeof delta->why, "%.*s", (int)sizeof delta->why - 1, why);
    if (!release_delta_is_kept(delta)) {
        delta->sha256[0] = '\0';
        delta->size_bytes = 0;
    }
    store_release_delta(derivation->chores->config.store, &derivation->release, delta, state == RELEASE_DELTA_RUNNING ? NULL : delta_written,
                        derivation);
}

/* NULL: a worker may begin. */
static const char *skip_reason(const struct chores *chores)
{
    if (chores->config.trust->wants_delta_signatures && !chores->config.settings->release_delta_key[0])
        return "the trust store wants delta signatures: set release.delta_key";
    return NULL;
}

static bool derivation_begin(struct derivation *derivation, const struct release *base)
{
    const struct daemon_settings *settings = derivation->chores->config.settings;
    struct worker_task task = {
        .job = WORKER_DERIVE,
        .image_bytes_max = settings->release_delta_max_bytes,
        .min_saving_pct = settings->release_delta_min_saving_pct,
    };

    memcpy(task.sha256, derivation->release.sha256, sizeof task.sha256);
    memcpy(task.base_sha256, base->sha256, sizeof task.base_sha256);
    (void)text_copy(task.data_dir, sizeof task.data_dir, settings->data_dir);
    (void)text_copy(task.folder, sizeof task.folder, derivation->chores->config.work_folder);
    (void)text_copy(task.delta_key, sizeof task.delta_key, settings->release_delta_key);
    return worker_pool_ask(derivation->chores->config.workers, &task, derived, derivation);
}

static void base_read(void *arg, enum drover_error error, const struct release *releases, size_t count)
{
    struct derivation *derivation = arg;
    struct chores *chores = derivation->chores;
    const char *skip = skip_reason(chores);
    bool begun = false;

    if (error && error != DROVER_NOT_FOUND) {
        derivation_end(derivation); /* Redis is away: chosen again */
    } else if (error || count != 1) {
        delta_write(derivation, RELEASE_DELTA_FAILED, "its base is not there any more");
    } else if (release_flaw(&releases[0]) || release_flaw(&derivation->release)) {
        delta_write(derivation, RELEASE_DELTA_FAILED, "one of the two releases does not verify");
    } else if (skip) {
        delta_write(derivation, RELEASE_DELTA_SKIPPED, skip);
    } else if (derivation_begin(derivation, &releases[0])) {
        begun = true;
        delta_write(derivation, RELEASE_DELTA_RUNNING, "");
    } else {
        derivation_end(derivation);
    }
    chore_finish(&chores->chores[CHORE_DELTAS], error == DROVER_NOT_FOUND ? DROVER_OK : error, begun ? 0 : -1);
}

static void derived(void *arg, const struct worker_answer *answer)
{
    struct derivation *derivation = arg;
    char why[128] = "";

    if (answer->code) {
        (void)snprintf(why, sizeof why, "%s: %s", error_code_name(answer->code), answer->what);
        delta_write(derivation, RELEASE_DELTA_FAILED, why);
    } else if (answer->skipped) {
        delta_write(derivation, RELEASE_DELTA_SKIPPED, answer->what);
    } else if (!answer->kept) {
        if (answer->full_bytes > 0)
            (void)snprintf(why, sizeof why, "%lld %% of the full package", (long long)(answer->size_bytes * 100 / answer->full_bytes));
        delta_write(derivation, RELEASE_DELTA_NOT_WORTH, why);
    } else {
        memcpy(derivation->delta.sha256, answer->sha256, sizeof derivation->delta.sha256);
        derivation->delta.size_bytes = answer->size_bytes;
        delta_write(derivation, RELEASE_DELTA_DERIVED, "");
    }
}

static void delta_written(void *arg, enum drover_error error, const struct release *release)
{
    struct derivation *derivation = arg;
    struct chores *chores = derivation->chores;
    const struct release_delta *delta = &derivation->delta;

    (void)release;
    if (error) {
        log_event(LOG_WARN, "delta_not_written", LOG_TEXT("why", drover_error_text(error))); /* if it is still open it is derived again */
    } else {
        chores->counters.deltas[delta->state]++;
        log_event(LOG_INFO, "delta_settled", LOG_TEXT("model", derivation->release.model), LOG_TEXT("version", derivation->release.version),
                  LOG_TEXT("base", delta->base_version), LOG_TEXT("state", release_delta_state_name(delta->state)), LOG_TEXT("why", delta->why),
                  LOG_NUMBER("bytes", delta->size_bytes));
    }
    derivation_end(derivation);
    chore_now(&chores->chores[CHORE_DELTAS]);
    if (!error)
        chores_rollouts_changed(chores);
}
