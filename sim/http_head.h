/* The header lines of an answer that a download needs. */
#pragma once

#include "sim/http.h"

void http_head_clear(struct http_head *head);
/* One line as it came, with its end; a status line begins afresh. Lines that are unknown or malformed change nothing. */
void http_head_take(struct http_head *head, const char *bytes, size_t length);
