/* The template is written by the same writers as every heartbeat, with numbers of the greatest width in the places that
 * change; those places are then found in the result, so that a change of the message cannot make this file wrong. */
#include "sim/load_template.h"

#include <string.h>

#include "common/text.h"
#include "proto/heartbeat.h"
#include "proto/topics.h"

#define BOOT_TEXT "b00700b00700b007"
#define BOOT_BYTES (sizeof BOOT_TEXT - 1)
#define SEQ_FIRST INT64_C(1000000000)
#define SEQ_DIGITS 10
#define UPTIME_FIRST 1000000
#define UPTIME_DIGITS 7

static void put_digits(char *dst, unsigned digits, uint64_t value)
{
    while (digits-- > 0) {
        dst[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

static void write_payload(const struct fleet_model *model, struct buffer *payload)
{
    struct heartbeat heartbeat = {
        .hw_rev = "B2", .status = "idle", .slot = 'a', .boot_id = BOOT_TEXT, .uptime_s = UPTIME_FIRST, .seq = SEQ_FIRST,
        .network = "wifi", .rssi_dbm = -61, .battery_pct = ABSENT, .priority = "normal", .kind = KIND_MANAGED,
    };

    (void)text_copy(heartbeat.model, sizeof heartbeat.model, model->name);
    (void)text_copy(heartbeat.version, sizeof heartbeat.version, model->version);
    heartbeat_write(&heartbeat, payload);
}

/* Where the value of a member begins in the packet. */
static size_t find_value(const struct buffer *packet, const char *member)
{
    const char *found = memmem(packet->bytes, packet->length, member, strlen(member));

    return found ? (size_t)(found - packet->bytes) + strlen(member) : 0;
}

bool load_template_make(struct load_template *template, enum mqtt_version version, const char *prefix, const struct fleet_model *model, unsigned qos)
{
    struct topic topic = {.kind = TOPIC_HEARTBEAT};
    struct buffer payload, packet;
    char text[TOPIC_SIZE];
    bool good;

    fleet_id(prefix, 0, topic.device_id);
    (void)topic_write(&topic, text);
    buffer_init(&payload, LOAD_PACKET_MAX);
    buffer_init(&packet, LOAD_PACKET_MAX);
    write_payload(model, &payload);
    if (!payload.failed)
        mqtt_publish_write(version, text, (struct mqtt_view){(const uint8_t *)payload.bytes, payload.length}, qos, false, 0, &packet);
    good = !payload.failed && !packet.failed && packet.length <= LOAD_PACKET_MAX;
    if (good) {
        template->length = packet.length;
        template->topic_id_at = find_value(&packet, "device/");
        template->digits_at = template->topic_id_at + strlen(topic.device_id) - FLEET_ID_DIGITS;
        template->packet_id_at = qos > 0 ? template->topic_id_at + strlen(text) - strlen("device/") : 0;
        template->boot_at = find_value(&packet, "\"boot_id\":\"");
        template->uptime_at = find_value(&packet, "\"uptime_s\":");
        template->seq_at = find_value(&packet, "\"seq\":");
        memcpy(template->bytes, packet.bytes, packet.length);
        good = template->boot_at > 0 && template->uptime_at > 0 && template->seq_at > 0;
    }
    buffer_done(&packet);
    buffer_done(&payload);
    return good;
}

void load_template_fill(const struct load_template *template, char *dst, uint32_t index, uint64_t boot, uint32_t uptime_s, uint64_t seq,
                        uint16_t packet_id, bool dup)
{
    uint8_t boot_bytes[BOOT_BYTES / 2];
    char boot_text[BOOT_BYTES + 1];

    memcpy(dst, template->bytes, template->length);
    put_digits(dst + template->digits_at, FLEET_ID_DIGITS, index);
    if (template->packet_id_at > 0) {
        dst[template->packet_id_at] = (char)(packet_id >> 8);
        dst[template->packet_id_at + 1] = (char)packet_id;
    }
    memcpy(boot_bytes, &boot, sizeof boot_bytes);
    text_hex(boot_text, boot_bytes, sizeof boot_bytes);
    memcpy(dst + template->boot_at, boot_text, BOOT_BYTES);
    put_digits(dst + template->uptime_at, UPTIME_DIGITS, UPTIME_FIRST + uptime_s % UPTIME_FIRST);
    put_digits(dst + template->seq_at, SEQ_DIGITS, (uint64_t)SEQ_FIRST + seq);
    if (dup)
        mqtt_publish_set_dup(dst);
}
