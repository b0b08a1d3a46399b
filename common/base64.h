/* Base64 (RFC 4648): the standard alphabet with padding, and base64url without. Strict: no white space, no missing or extra padding, unused
 * bits zero, so that every value has exactly one text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

void base64_add(struct buffer *buffer, const void *bytes, size_t length);
void base64url_add(struct buffer *buffer, const void *bytes, size_t length);
/* Decodes the whole of text into ret (size bytes at most, *ret_length of them written). False on anything but the one right text. */
bool base64_read(const char *text, size_t length, void *ret, size_t size, size_t *ret_length);
bool base64url_read(const char *text, size_t length, void *ret, size_t size, size_t *ret_length);
