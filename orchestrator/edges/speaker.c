/* One payload buffer, reused: the outbox copies. */
#include "orchestrator/edges/speaker.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/topics.h"

#define COMMAND_AGE_MAX_MS ((int64_t)600 * 1000)  /* of one without a deadline, or with a far one: Redis repeats it anyway */

struct speaker {
    struct outbox *outbox;
    struct buffer payload;
};

struct speaker *speaker_new(struct outbox *outbox)
{
    struct speaker *speaker = calloc(1, sizeof *speaker);

    if (!speaker)
        return NULL;
    speaker->outbox = outbox;
    buffer_init(&speaker->payload, MESSAGE_SIZE);
    return speaker;
}

void speaker_free(struct speaker *speaker)
{
    if (!speaker)
        return;
    buffer_done(&speaker->payload);
    free(speaker);
}

static bool speak(struct speaker *speaker, const struct topic *topic, struct outbox_message message)
{
    char text[TOPIC_SIZE];

    if (speaker->payload.failed)
        return false;
    topic_write(topic, text);
    message.topic = text;
    message.payload = speaker->payload.bytes;
    message.payload_length = speaker->payload.length;
    return outbox_put(speaker->outbox, &message) == DROVER_OK;
}

static int64_t command_expires(const struct command *command)
{
    int64_t left = command->deadline_ms > 0 ? command->deadline_ms - clock_unix_ms() : COMMAND_AGE_MAX_MS;

    if (left < 1)
        left = 1;
    return clock_mono_ms() + (left < COMMAND_AGE_MAX_MS ? left : COMMAND_AGE_MAX_MS);
}

static void speaker_command(void *arg, const char *model, const char *device_id, const struct command *command)
{
    struct speaker *speaker = arg;
    struct topic topic = {.kind = TOPIC_COMMAND};

    (void)text_copy(topic.model, sizeof topic.model, model);
    (void)text_copy(topic.device_id, sizeof topic.device_id, device_id);
    buffer_clear(&speaker->payload);
    command_write(command, &speaker->payload);
    (void)speak(speaker, &topic, (struct outbox_message){.lane = LANE_COMMAND, .qos = 1, .expires_mono_ms = command_expires(command)});
}

static void speaker_event(void *arg, const struct event *event)
{
    struct speaker *speaker = arg;
    struct topic topic = {.kind = TOPIC_EVENT};

    if (!text_copy(topic.rollout, sizeof topic.rollout, event->rollout) || !text_is_id(event->rollout, strlen(event->rollout)))
        return; /* "-": about no rollout; it has no topic */
    buffer_clear(&speaker->payload);
    event_write(event, &speaker->payload);
    (void)speak(speaker, &topic, (struct outbox_message){.lane = LANE_EVENT, .qos = 0});
}

struct speaker_port speaker_port(struct speaker *speaker)
{
    return (struct speaker_port){.speaker = speaker, .command = speaker_command, .event = speaker_event};
}

bool speaker_notice(struct speaker *speaker, const char *model, const struct notice *notice)
{
    struct topic topic = {.kind = TOPIC_NOTICE};

    (void)text_copy(topic.model, sizeof topic.model, model);
    buffer_clear(&speaker->payload);
    if (notice)
        notice_write(notice, &speaker->payload);
    return speak(speaker, &topic, (struct outbox_message){.lane = LANE_NOTICE, .qos = 1, .retain = true});
}
