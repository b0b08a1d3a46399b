/* device/<id>/online, retained and also the last will: {"online":true} / {"online":false}. */
#pragma once

#include <stdbool.h>

#include "common/buffer.h"
#include "common/error.h"

MUST_USE enum drover_error online_read(const char *bytes, size_t length, bool *ret_online, struct problem *ret_problem);
void online_write(bool online, struct buffer *buffer);
