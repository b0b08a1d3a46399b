/* Each payload breaks one rule of the contract: syntax, types, ranges, lengths, depth, encoding, identity, state. */
#include "sim/garbage.h"

#include <string.h>

#include "proto/heartbeat.h"

struct piece {
    enum topic_kind kind;
    const char *bytes;
    size_t length;
};
#define PIECE(kind, text) {kind, text, sizeof text - 1}

static const struct piece pieces[] = {
    PIECE(TOPIC_HEARTBEAT, ""),
    PIECE(TOPIC_HEARTBEAT, "{\"schema\":1,\"model\":\"esp32\",\"vers"),
    PIECE(TOPIC_HEARTBEAT, "{\"schema\":1,\"model\":\"esp32\",\"version\":\"not a version\"}"),
    PIECE(TOPIC_HEARTBEAT, "{\"schema\":1,\"model\":7,\"version\":\"9.9.9\"}"),
    PIECE(TOPIC_HEARTBEAT, "{\"schema\":1,\"model\":\"esp32\",\"version\":\"9.9.9\",\"rssi_dbm\":1e400}"),
    PIECE(TOPIC_HEARTBEAT, "{\"schema\":1,\"model\":\"\xff\xfe\",\"version\":\"9.9.9\"}"),
    PIECE(TOPIC_HEARTBEAT, "{\"schema\":1,\"model\":\"esp32\",\"version\":\"9.9.9\",\"device_id\":\"somebody-else\"}"),
    PIECE(TOPIC_HEARTBEAT, "{\"schema\":1,\"model\":\"a:b*\\n\",\"version\":\"9.9.9\"}"),
    PIECE(TOPIC_ONLINE, "{\"online\":\"maybe\"}"),
    PIECE(TOPIC_REPORT, "{\"schema\":1,\"upgrade_id\":\"0000000000000000\",\"attempt\":0,\"seq\":-1,\"state\":\"succeeded\"}"),
    PIECE(TOPIC_REPORT, "{\"schema\":1,\"upgrade_id\":\"ffffffffffffffff\",\"attempt\":1,\"seq\":0,\"state\":\"succeeded\",\"version\":\"9.9.9\"}"),
    PIECE(TOPIC_REPORT, "\x00\x01\x02\x03 no JSON at all"),
};
#define PIECES (sizeof pieces / sizeof pieces[0])
_Static_assert(PIECES + 2 == GARBAGE_KINDS, "two more are made by the program");

/* Longer than any message may be, and deeper than any message may nest. */
static enum topic_kind make_long(struct buffer *buffer)
{
    buffer_add_text(buffer, "{\"schema\":1,\"model\":\"esp32\",\"version\":\"9.9.9\",\"hw_rev\":\"");
    while (!buffer->failed && buffer->length <= MESSAGE_SIZE)
        buffer_add_text(buffer, "xxxxxxxxxxxxxxxx");
    buffer_add_text(buffer, "\"}");
    return TOPIC_HEARTBEAT;
}

static enum topic_kind make_deep(struct buffer *buffer)
{
    buffer_add_text(buffer, "{\"schema\":1,\"x\":");
    for (unsigned i = 0; i < 200; i++)
        buffer_add_text(buffer, "[");
    return TOPIC_REPORT;
}

enum topic_kind garbage_make(uint64_t random, struct buffer *buffer)
{
    uint64_t which = random % GARBAGE_KINDS;

    if (which >= PIECES)
        return which == PIECES ? make_long(buffer) : make_deep(buffer);
    buffer_add(buffer, pieces[which].bytes, pieces[which].length);
    return pieces[which].kind;
}
