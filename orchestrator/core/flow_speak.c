/* What is said after a save: the command the move asks for, and the event for whoever listens. */
#include <stdio.h>
#include <string.h>

#include "orchestrator/core/flow_work.h"
#include "orchestrator/core/offer.h"

static void send(struct work *work, const struct command *command)
{
    const struct speaker_port *speaker = &work->flow->config.speaker;
    work->flow->counts.commands[command->kind]++;
    speaker->command(speaker->speaker, work->upgrade.model, work->upgrade.device_id, command);
}

static void speak_update(struct work *work)
{
    const struct rollout *rollout = flow_rollout(work->flow, work->upgrade.rollout);
    if (!rollout || work->device.last.kind == KIND_SIMPLE) /* simple devices listen to notices only, and ask */
        return;
    if (stones_leg_refusal(&work->flow->config.policy, rollout, &work->upgrade, work->save.at_ms)) /* its deadline says it again, should that change */
        return;
    (void)flow_permit(work->flow, rollout, &work->upgrade);   /* begun in time: should it not be well on the new version, it is told to go back at once */
    struct command command;
    offer_update(&work->flow->config.policy, rollout, &work->upgrade, work->flow->public_url, &command);
    send(work, &command);
}

/* One whose permit is being made is told when its deadline says it again. */
static void speak_rollback(struct work *work)
{
    const struct rollout *rollout = flow_rollout(work->flow, work->upgrade.rollout);
    const char *permit = rollout ? flow_permit(work->flow, rollout, &work->upgrade) : "";
    struct command command;
    if (!permit)
        return;
    offer_rollback(&work->upgrade, permit, &command);
    send(work, &command);
}

static void speak_commands(struct work *work)
{
    struct command command;
    if (work->effects & FX_COMMAND)
        speak_update(work);
    if (work->effects & FX_CANCEL) {
        offer_cancel(&work->upgrade, &command);
        send(work, &command);
    }
    if (work->effects & FX_ROLLBACK)
        speak_rollback(work);
}

static void or_dash(char *dst, size_t size, const char *src)
{
    text_copy(dst, size, src[0] ? src : "-");
}

static void fill_event(const struct work *work, const char *before, struct event *ret)
{
    const struct upgrade *upgrade = &work->upgrade;
    *ret = (struct event){.at_ms = work->save.at_ms, .kind = "move", .attempt = upgrade->attempt, .revision = upgrade->revision, .stage = upgrade->stage};
    text_copy(ret->id, sizeof ret->id, upgrade->last_event);
    or_dash(ret->prev, sizeof ret->prev, before);
    text_copy(ret->device_id, sizeof ret->device_id, upgrade->device_id);
    text_copy(ret->model, sizeof ret->model, upgrade->model);
    text_copy(ret->rollout, sizeof ret->rollout, upgrade->rollout);
    text_copy(ret->upgrade_id, sizeof ret->upgrade_id, upgrade->upgrade_id);
    text_copy(ret->from, sizeof ret->from, upgrade_state_name(work->save.from));
    text_copy(ret->to, sizeof ret->to, upgrade_state_name(upgrade->state));
    text_copy(ret->on, sizeof ret->on, upgrade_event_name(work->save.on));
    text_copy(ret->version, sizeof ret->version, upgrade->version);
    or_dash(ret->error, sizeof ret->error, error_code_name(upgrade->error));
    memcpy(ret->why, work->save.why, sizeof ret->why);
    text_copy(ret->instance, sizeof ret->instance, work->flow->instance);
}

static void speak_event(struct work *work, const char *before)
{
    const struct speaker_port *speaker = &work->flow->config.speaker;
    struct event event;
    fill_event(work, before, &event);
    speaker->event(speaker->speaker, &event);
    if (work->effects & FX_ALARM) {
        snprintf(event.kind, sizeof event.kind, "alarm");
        speaker->event(speaker->speaker, &event);
    }
}

void flow_speak(struct work *work, const char *before)
{
    speak_commands(work);
    if (!work->save.silent)
        speak_event(work, before);
}
