/* The leader's chores about releases: verifies them again when the trust store is another one or a key of it has begun or ceased to be
 * valid, pauses rollouts of what does not verify any more. What is left to do stands in Redis, so that it goes on after any end. */
#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/chores_inside.h"

#define AT_A_TIME 16
#define AT_ONCE 4          /* releases that workers are asked about: whoever adds one now shall not wait for all */
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
    unsigned asked = 0, judged_now = 0;

    for (size_t i = 0; i < count && !error && asked < AT_ONCE; i++) {
        struct release release = releases[i];

        if (proofs_ask_all(chores->config.proofs, &release) != PROOF_KNOWN) {
            asked++;
        } else if (proofs_judge(chores->config.proofs, &release)) {
            store_release_judge(chores->config.store, &release, judged, chores);
            judged_now++;
        }
    }
    if (!error && !count)
        chores_retry_deltas(chores);
    chore_finish(&chores->chores[CHORE_PROOFS], error, asked || judged_now ? UNDER_WAY_MS : -1);
}

void chores_prove_releases(void *arg)
{
    struct chores *chores = arg;
    const struct proofs *proofs = chores->config.proofs;

    if (chores_is_leader(chores) && proofs_have_trust(proofs))
        store_releases_due(chores->config.store, RELEASES_UNPROVED, proofs_trust_version(proofs), proofs_trust_sha256(proofs),
                           proofs_since_ms(proofs), AT_A_TIME, unproved_read, chores);
    else
        chore_finish(&chores->chores[CHORE_PROOFS], DROVER_OK, -1);
}

void chores_settings_changed(struct chores *chores)
{
    chores->retry_deltas = true;
    chores_releases_changed(chores);
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
        chores_pause(chores, &rollouts[i], flaw, flawed_paused);
    }
}
