/* The engine at work: with each reading of the rollouts the leader looks at every staged one, makes the move that follows, and keeps what was read and said for others
 * to see. What is read: counts come with the rollouts, the control group by one more call, where a gate asks for it. A move is saved only if nobody changed the rollout
 * meanwhile; then the next reading decides again. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/chores_inside.h"
#include "orchestrator/edges/store_gates.h"

/* One look at one rollout. */
struct look {
    struct chores *chores;
    struct rollout rollout;      /* kept */
    struct engine_move move;
};

static void looks_begin(struct chores *chores, const struct rollout *rollout);                                      /* 1 how does its model fare?  */
static void look_health_read(void *arg, enum drover_error error, const struct fleet_health *health);                /* 2 decide                    */
static void look_move(struct look *look);                                                                           /* 3 compare and set           */
static void look_moved(void *arg, enum drover_error error, const struct rollout *rollout);                          /* 4 only now say it           */

void chores_run_engine(struct chores *chores, const struct rollout *rollouts, size_t count)
{
    said_observe(&chores->said, rollouts, count);
    if (!chores_is_leader(chores) || chores->looks_open || flow_is_stopped(chores->config.flow))
        return;
    for (size_t i = 0; i < count; i++)
        if (rollouts[i].plan && !rollout_state_is_ended(rollouts[i].state))
            looks_begin(chores, &rollouts[i]);
}

static void look_end(struct look *look)
{
    look->chores->looks_open--;
    rollout_drop(&look->rollout);
    free(look);
}

/* --- 1, 2: look and decide --- */

static void look_decide(struct look *look, const struct fleet_health *health)
{
    struct chores *chores = look->chores;
    int64_t now_ms = clock_unix_ms();

    engine_decide(&look->rollout, health, chores->config.policy->offline_after_ms, now_ms, &look->move);
    if (said_is_news(&chores->said, look->rollout.id, &look->move, now_ms))
        store_gates_write(chores->config.store, look->rollout.id, &look->move, now_ms, NULL, NULL);
    if (look->move.moves && said_may_try(&chores->said, look->rollout.id, now_ms))
        look_move(look);
    else
        look_end(look);
}

static void looks_begin(struct chores *chores, const struct rollout *rollout)
{
    static const struct fleet_health unknown;
    struct look *look = calloc(1, sizeof *look);

    if (!look)
        return; /* the next reading looks again */
    look->chores = chores;
    rollout_keep(&look->rollout, rollout);
    chores->looks_open++;
    if (engine_compares(rollout) && rollout_state_is_open(rollout->state))
        store_rollout_health(chores->config.store, rollout, clock_unix_ms(), look_health_read, look);
    else
        look_decide(look, &unknown);
}

static void look_health_read(void *arg, enum drover_error error, const struct fleet_health *health)
{
    struct look *look = arg;

    if (error) { /* without the control group no stage is passed */
        log_event(LOG_WARN, "gates_not_read", LOG_TEXT("rollout", look->rollout.id), LOG_TEXT("why", drover_error_text(error)));
        look_end(look);
    } else {
        look_decide(look, health);
    }
}

/* --- 3, 4: move --- */

static void look_move(struct look *look)
{
    const struct rollout *rollout = &look->rollout;
    int64_t now_ms = clock_unix_ms();
    struct rollout next;

    rollout_after(rollout, look->move.on, look->move.stage, now_ms, &next);
    const struct rollout_change change = {.id = rollout->id, .on = look->move.on, .to = look->move.to, .expected_revision = rollout->revision,
                                          .why = look->move.why, .at_ms = now_ms, .supersede = rollout->plan->supersede, .next = &next};
    store_rollout_move(look->chores->config.store, &change, look_moved, look);
}

/* What a broken gate did is an alarm, and what merely goes its way is none. */
static void say_moved(struct look *look, const struct rollout *rollout)
{
    bool alarm = look->move.on == ROLLOUT_EVENT_PAUSE || look->move.on == ROLLOUT_EVENT_CANCEL || look->move.on == ROLLOUT_EVENT_ROLL_BACK;

    log_event(alarm ? LOG_ERROR : LOG_INFO, "rollout_moved", LOG_TEXT("rollout", rollout->id), LOG_TEXT("model", rollout->model),
              LOG_TEXT("on", rollout_event_name(look->move.on)), LOG_TEXT("to", rollout_state_name(rollout->state)),
              LOG_NUMBER("stage", rollout->stage), LOG_TEXT("why", rollout->why));
    if (alarm)
        chores_write_alarm(look->chores, look->rollout.state, rollout, "gate_broken");
}

static void look_moved(void *arg, enum drover_error error, const struct rollout *rollout)
{
    struct look *look = arg;
    struct chores *chores = look->chores;

    if (error) { /* changed meanwhile, another holds the model's place, or Redis away: the next reading decides again */
        log_event(LOG_WARN, "rollout_not_moved", LOG_TEXT("rollout", look->rollout.id), LOG_TEXT("on", rollout_event_name(look->move.on)),
                  LOG_TEXT("why", drover_error_text(error)));
        if (look->move.on == ROLLOUT_EVENT_START)
            said_refused(&chores->said, look->rollout.id, clock_unix_ms());
    } else {
        said_moved(&chores->said, look->rollout.id);
        chores->counters.engine_moves[look->move.on]++;
        say_moved(look, rollout);
        chores_rollouts_changed(chores);
    }
    look_end(look);
}
