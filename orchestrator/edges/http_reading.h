/* How fast a peer takes a reply. Only time in which bytes lay in the kernel for him is his: what we hold back is not his fault. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HTTP_READING_LOOK_MS 1000

struct http_reading {
    int64_t left_bytes;                /* at the last look: not acknowledged by the peer */
    int64_t looked_ms;                 /* monotonic */
    int64_t waited_ms, taken_bytes;    /* since he was last judged */
};

/* A reply of so many bytes begins. */
void http_reading_begin(struct http_reading *reading, int64_t bytes, int64_t now_ms);
/* left_bytes: of the reply, not acknowledged yet; waits: some of them are in the kernel and the peer's to take. Returns what he took since the last look. */
int64_t http_reading_look(struct http_reading *reading, int64_t left_bytes, bool waits, int64_t now_ms);
/* Bytes have waited for him for window_ms in all, and he took fewer than least_bytes_s of them (none, when that is 0). */
bool http_reading_is_slow(struct http_reading *reading, int64_t window_ms, int64_t least_bytes_s);
