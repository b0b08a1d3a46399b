/* Bounded strings: copying, checking and escaping text that came from outside. Nothing here allocates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* A device id, model, rollout id: ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ */
#define ID_SIZE 65

/* Copies src into dst (size bytes, always terminated). Returns false, with dst = "", when src does not fit. */
bool text_copy(char *dst, size_t size, const char *src);
/* Copies length bytes of src; refuses embedded NULs too. */
bool text_copy_n(char *dst, size_t size, const char *src, size_t length);

/* The same, cut to fit, A-Z as a-z: names of .def files, which are written in capitals. */
void text_lower(char *dst, size_t size, const char *src);

/* True when the length bytes are an id as above. */
bool text_is_id(const char *text, size_t length);
/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, <= U+10FFFF). */
bool text_is_utf8(const void *bytes, size_t length);
/* Bytes of the UTF-8 character that begins here; 0 when it is malformed or cut off. */
size_t text_utf8_step(const void *bytes, size_t left);
/* True for UTF-8 without control characters (C0, DEL, C1): safe to print on a terminal and in a log line. */
bool text_is_plain(const char *text, size_t length);
/* True for [A-Za-z0-9._+-]+: a status, a network, a priority class. */
bool text_is_word(const char *text, size_t length);
/* True for lower-case hex of exactly `digits` characters. */
bool text_is_hex(const char *text, size_t length, size_t digits);

/* Strict decimal integers: the whole of text, no sign but '-', no leading zeros or spaces; range is inclusive. */
bool text_to_i64(const char *text, size_t length, int64_t min, int64_t max, int64_t *ret_value);
/* Writes value in decimal, so that its last digit lies before `end`; returns where it begins. The most digits: TEXT_I64_SIZE with a sign; no NUL. For what is
 * written thousands of times a second; elsewhere printf is fine. */
#define TEXT_I64_SIZE 20
char *text_put_u64(char *end, uint64_t value);
char *text_put_i64(char *end, int64_t value);

/* Writes 2*n lower-case digits and a NUL. */
void text_hex(char *dst, const void *bytes, size_t n);
/* Reads 2*n hex digits; false on anything else. */
bool text_unhex(void *dst, size_t n, const char *text);

/* Puts an excerpt of untrusted bytes into dst: printable ASCII kept, the rest as '?', cut with "...". Returns dst. */
char *text_excerpt(char *dst, size_t size, const void *bytes, size_t length);
#define TEXT_TIME_SIZE 32
/* Unix time for people, "2026-01-31T12:00:00Z"; a time that no calendar has is "?". */
void text_time(int64_t unix_ms, char ret[TEXT_TIME_SIZE]);
/* "2026-01-31" (midnight UTC), "2026-01-31T10:00:00Z", "2026-01-31T10:00:00+02:00" (RFC 3339 without fractions) in ms since 1970. */
bool text_time_read(const char *text, int64_t *ret_ms);
