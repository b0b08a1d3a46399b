/* Where Redis is: "unix:///run/redis/redis.sock[?db=N]" or "redis://host[:port][/db]", [::1] for IPv6. */
#pragma once

#include <stdbool.h>

#include "common/error.h"

struct redis_url {
    bool is_unix;
    char path[108];     /* unix: of the socket */
    char host[254];     /* redis: name or address */
    int port;           /* redis: 6379 unless said */
    int database;       /* 0 unless said */
};

MUST_USE enum drover_error redis_url_read(const char *text, struct redis_url *ret_url, struct problem *ret_problem);
