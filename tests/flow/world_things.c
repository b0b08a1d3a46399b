/* Devices of a story that do of themselves what devices do: they send their heartbeat again and again; some also obey what they are told. */
#include <stdlib.h>
#include <string.h>

#include "tests/flow/world.h"

static struct sender *sender_find(struct world *world, const char *device_id)
{
    for (size_t i = 0; i < world->sender_count; i++)
        if (!strcmp(world->senders[i].heartbeat.device_id, device_id))
            return &world->senders[i];
    return NULL;
}

struct sender *world_keep_sending(struct world *world, const struct heartbeat *heartbeat, int64_t each_ms, int64_t until_ms)
{
    struct sender *sender = sender_find(world, heartbeat->device_id);
    if (!sender && world->sender_count < SENDERS_MAX)
        sender = &world->senders[world->sender_count++];
    if (!sender)
        abort();
    *sender = (struct sender){.heartbeat = *heartbeat, .next_ms = world->store.now_ms + each_ms, .each_ms = each_ms, .until_ms = until_ms};
    return sender;
}

bool world_silence(struct world *world, const char *device_id, bool silent)
{
    struct sender *sender = sender_find(world, device_id);
    if (!sender)
        return false;
    sender->silent = silent;
    if (!silent && sender->next_ms < world->store.now_ms)
        sender->next_ms = world->store.now_ms;
    return true;
}

/* --- obeying --- */

void world_thing_hears(struct world *world, const char *device_id, const struct command *command)
{
    struct sender *sender = sender_find(world, device_id);
    if (!sender || !sender->obeys_ms || sender->silent)
        return;
    sender->told = *command;
    sender->acts_ms = command->kind == COMMAND_CANCEL ? 0 : world->store.now_ms + sender->obeys_ms;
}

static void ignore_done(void *arg, enum drover_error error, const char *why)
{
    (void)arg, (void)error, (void)why;
}

static void say(struct world *world, const struct sender *sender, enum report_state state, int64_t progress, enum error_code error)
{
    struct flow *flow = world_flow(world, 0);
    struct report report = {.attempt = sender->told.attempt, .seq = ++world->seq, .progress = progress, .state = state, .error = error};
    memcpy(report.device_id, sender->heartbeat.device_id, sizeof report.device_id);
    memcpy(report.upgrade_id, sender->told.upgrade_id, sizeof report.upgrade_id);
    if (flow)
        flow_report(flow, &report, ignore_done, NULL);
}

/* It does what it was told: comes up on that version, or keeps the package until then, or says that it cannot, or falls silent. */
static void act(struct world *world, struct sender *sender)
{
    sender->acts_ms = 0;
    if (sender->told.kind == COMMAND_UPDATE && !strcmp(sender->told.version, sender->dies_of)) {
        sender->silent = true;
    } else if (sender->told.kind == COMMAND_UPDATE && !strcmp(sender->told.version, sender->fails)) {
        say(world, sender, REPORT_FAILED, ABSENT, E_INCOMPATIBLE);
    } else if (sender->told.kind == COMMAND_UPDATE && sender->told.install_after_ms > world->store.now_ms) {
        say(world, sender, REPORT_DOWNLOADING, 100, E_NONE);
    } else {
        memcpy(sender->heartbeat.version, sender->told.version, sizeof sender->heartbeat.version);
        snprintf(sender->heartbeat.boot_id, sizeof sender->heartbeat.boot_id, "boot-%u", ++sender->boots);
        sender->next_ms = world->store.now_ms;
    }
}

/* --- time --- */

static int64_t sender_next_ms(const struct sender *sender)
{
    int64_t speaks_ms = sender->silent || sender->next_ms > sender->until_ms ? INT64_MAX : sender->next_ms;
    return sender->acts_ms && sender->acts_ms < speaks_ms ? sender->acts_ms : speaks_ms;
}

static struct sender *first_sender(struct world *world)
{
    struct sender *first = NULL;
    for (size_t i = 0; i < world->sender_count; i++)
        if (!first || sender_next_ms(&world->senders[i]) < sender_next_ms(first))
            first = &world->senders[i];
    return first;
}

int64_t world_things_next_ms(struct world *world)
{
    const struct sender *first = first_sender(world);
    return first ? sender_next_ms(first) : INT64_MAX;
}

void world_things_step(struct world *world)
{
    struct sender *sender = first_sender(world);
    if (sender->acts_ms && sender->acts_ms <= world->store.now_ms) {
        act(world, sender);
        return;
    }
    sender->heartbeat.seq = ++world->seq;
    sender->next_ms += sender->each_ms;
    world_heartbeat(world, 0, &sender->heartbeat);
}
