/* A whole heartbeat PUBLISH of one model, made once; what differs between messages has a fixed place and width in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/fleet.h"
#include "sim/mqtt_packet.h"

#define LOAD_PACKET_MAX 1024

struct load_template {
    size_t length;
    size_t topic_id_at, packet_id_at, boot_at, uptime_at, seq_at;   /* packet_id_at 0: QoS 0 */
    size_t digits_at;                                               /* of the index within the device id */
    char bytes[LOAD_PACKET_MAX];
};

/* False: the packet would be too long. */
bool load_template_make(struct load_template *template, enum mqtt_version version, const char *prefix, const struct fleet_model *model, unsigned qos);
/* Writes the packet of one heartbeat to dst (template->length bytes). */
void load_template_fill(const struct load_template *template, char *dst, uint32_t index, uint64_t boot, uint32_t uptime_s, uint64_t seq,
                        uint16_t packet_id, bool dup);
