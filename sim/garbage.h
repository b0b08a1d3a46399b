/* Malformed messages, as a broken device sends them on topics of its own. */
#pragma once

#include <stdint.h>

#include "common/buffer.h"
#include "proto/topics.h"

#define GARBAGE_KINDS 14

/* Writes one of GARBAGE_KINDS payloads, chosen by `random`, none of which may change anything at the server, and returns
 * the topic it goes to. */
enum topic_kind garbage_make(uint64_t random, struct buffer *buffer);
