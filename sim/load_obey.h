/* Load mode's other half: answers to update commands, as devices give them that succeed: four reports, and after a reboot one heartbeat of the new version, each
 * --step-ms after the one before. Nothing is downloaded. A command costs 200 bytes until its last answer is sent, a device nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "sim/mqtt_packet.h"
#include "sim/options.h"

struct errands;

struct errands *errands_new(const struct options *options);   /* NULL: out of memory */
void errands_free(struct errands *errands);                    /* NULL is fine */
/* A command that came; one that is no update of a device of ours is passed over, and false when memory ran out. */
bool errands_take(struct errands *errands, const struct mqtt_publish *publish, int64_t now_ms);
bool errands_wait(const struct errands *errands);              /* is somebody not done? */
bool errands_ready(const struct errands *errands, int64_t now_ms);   /* is there something to say now? */
/* Appends the next packet, a PUBLISH with QoS 1 under this id; only when errands_ready. out->failed: out of memory. */
void errands_say(struct errands *errands, int64_t now_ms, uint16_t packet_id, struct buffer *out);
