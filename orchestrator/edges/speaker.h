/* Turns commands, notices and events into MQTT messages in the outbox: the flow's mouth (struct speaker_port). The loop only. */
#pragma once

#include "orchestrator/core/ports.h"
#include "orchestrator/edges/outbox.h"
#include "proto/notice.h"

struct speaker;

struct speaker *speaker_new(struct outbox *outbox);   /* NULL: out of memory; the outbox is borrowed */
void speaker_free(struct speaker *speaker);
struct speaker_port speaker_port(struct speaker *speaker);
/* The retained message on update/<model>; notice NULL clears it. False: not queued (counted by the outbox), say it again later. */
bool speaker_notice(struct speaker *speaker, const char *model, const struct notice *notice);
