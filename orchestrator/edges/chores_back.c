/* The leader's look at rollouts that go back: the last device that is back ends one. */
#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/chores_inside.h"

static void ended(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct chores *chores = arg;

    chores->backs_open--;
    if (!error)
        log_event(LOG_INFO, "rollout_rolled_back", LOG_TEXT("rollout", rollout->id), LOG_TEXT("model", rollout->model), LOG_TEXT("why", rollout->why));
    else if (error != DROVER_CONFLICT && error != DROVER_REFUSED) /* those: changed meanwhile, the next reading decides */
        log_event(LOG_WARN, "rollback_end_failed", LOG_TEXT("why", drover_error_text(error)));
    chores_rollouts_changed(chores);
}

void chores_watch_backs(struct chores *chores, const struct rollout *rollouts, size_t count)
{
    if (!chores_is_leader(chores) || chores->backs_open)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct rollout_change change = {.id = rollouts[i].id, .on = ROLLOUT_EVENT_BACK, .to = ROLLOUT_ROLLED_BACK, .expected_revision = rollouts[i].revision,
                                              .why = "nobody is left to take back", .at_ms = clock_unix_ms()};
        if (!rollout_is_back(&rollouts[i]))
            continue;
        chores->backs_open++;
        store_rollout_move(chores->config.store, &change, ended, chores);
    }
}
